import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from tests.helpers.networks import make_classifier
from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize.figures.occlusion.maps import OcclusionMaps
from visualize.figures.occlusion.plot import draw_occlusion
from visualize.figures.occlusion.rows import OcclusionRow, default_patch
from visualize.figures.occlusion.sliding_occluder import SlidingOccluder
from visualize.images.chosen import ChosenImage
from visualize.occlusion import build_parser, main, sentences_on
from zfkeras.data.preprocessing import Preprocessing

NAMES = ("n02124075 Egyptian cat", "<b>größer, 猫<b>", "dog")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("occlusion")
    make_classifier(1, NAMES).save(folder / "model.keras")
    tree = {
        f"{split}/{name}/{number}.png": png(noise(number + 9 * i, 64, 64))
        for split in ("train", "val")
        for i, name in enumerate(NAMES)
        for number in range(3)
    }
    write_tree(folder / "images", tree)
    write_tree(folder, {"n02124075_1.png": png(noise(50, 90, 64))})
    return folder


@pytest.fixture
def run(files, tmp_path, capsys):
    def run(*argv):
        common = ["--model", files / "model.keras", "--data", f"folder:{files}/images"]
        common += ["--workdir", tmp_path / "out"]
        code = main([*map(str, [*common, *argv])])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        errors = [line for line in err.splitlines() if ": error: " in line]
        return code, out.splitlines(), errors

    return run


def test_it_draws_five_columns_for_images_of_the_data(run, tmp_path):
    code, out, errors = run("--count", 2, "--patch-size", 20, "--patch-stride", 16)
    assert (code, errors) == (0, [])
    assert f"{tmp_path}/out/occlusion.png" in out[-1]
    with Image.open(tmp_path / "out" / "occlusion.png") as picture:
        assert picture.width > 1500
    record = read_results(tmp_path / "out", "occlusion")
    assert record["paper"]["figure"] == "Fig. 7"
    assert {"command", "environment", "summary", "seed"} <= record.keys()
    assert len(record["images"]) == 2
    for row in record["images"]:
        assert row["image"].startswith("val/")
        assert row["class_is"] == "true"
        # 0, 16, 32 and, flush with the border of 56 pixels, 36.
        assert row["tops"] == row["lefts"] == [0, 16, 32, 36]
        for key in ("probabilities", "activations", "labels"):
            assert np.shape(row[key]) == (4, 4)
        assert row["lowest_probability"] == pytest.approx(
            np.min(row["probabilities"]), rel=1e-4
        )
        assert row["class_name"] in NAMES
        assert row["on_object"] is None
        assert len(row["other_images"]) == 3
        assert row["image"] not in row["other_images"]


def test_named_images_and_a_rerun_reuse_the_pass_over_the_data(
    run, files, tmp_path, monkeypatch
):
    argv = ["--images", files / "n02124075_1.png", "--patch-size", 28]
    argv += ["--layer", "conv5", "--channel", 3, "--fill", 0]
    assert run(*argv)[0] == 0
    monkeypatch.setattr("visualize.strongest.scan.evaluation_batches", None)
    assert run(*argv)[0] == 0
    record = read_results(tmp_path / "out", "occlusion")
    (row,) = record["images"]
    assert (row["class_name"], row["channel"]) == (NAMES[0], 3)
    assert row["layer"] == "conv5"
    assert record["fill"] == 0


def test_a_file_that_is_in_the_data_too_is_not_another_image(run, tmp_path):
    tree = {
        f"{name}/1.png": png(noise(number, 64, 64)) for number, name in enumerate("abc")
    }
    images = write_tree(tmp_path / "images", tree)
    argv = ["--data", f"folder:{images}", "--images", images / "b" / "1.png"]
    assert run(*argv, "--patch-size", 28, "--patch-stride", 28)[0] == 0
    record = read_results(tmp_path / "out", "occlusion")
    others = record["images"][0]["other_images"]
    assert others and {*others} <= {"a/1.png", "c/1.png"}


def test_unreadable_images_are_borne_with_and_counted(run, files, tmp_path):
    images = shutil.copytree(files / "images", tmp_path / "images")
    write_tree(images / "val" / "dog", {"9.png": "no picture"})
    data = ["--data", f"folder:{images}", "--patch-size", 28, "--patch-stride", 28]
    data += ["--images", files / "n02124075_1.png"]
    code, _, errors = run(*data)
    assert code == 1 and len(errors) == 1
    assert "1 of 10 images cannot be read" in errors[0]
    assert "raise --max-bad-fraction" in errors[0]
    assert run(*data, "--max-bad-fraction", 0.1)[0] == 0
    record = read_results(tmp_path / "out", "occlusion")
    assert record["bad_images"]["count"] == 1


def test_requests_that_cannot_be_met_are_one_line(run, tmp_path):
    def refusal(*argv):
        code, out, errors = run("--count", 1, *argv)
        assert (code, out, len(errors)) == (2, [], 1)
        return errors[0].removeprefix("python -m visualize.occlusion: error: ")

    assert refusal("--patch-size", 57).startswith("`patch_size` must be from 1 to 56")
    assert "`patch_stride`" in refusal("--patch-size", 9, "--patch-stride", 10)
    assert "`channel` must be from 0 to 127" in refusal("--channel", 128)


def test_the_fall_is_held_against_the_object_where_that_is_known():
    """A network whose answer is how red the middle is, of an image with one object."""
    average = keras.layers.GlobalAveragePooling2D()
    dense = keras.layers.Dense(2, activation="softmax")
    crop = keras.layers.Cropping2D(20)
    model = keras.Sequential([keras.Input((56, 56, 3)), crop, average, dense])
    dense.set_weights([np.array([[0.1, 0], [0, 0], [0, 0]]), np.array([0.0, 0])])
    preprocessing = Preprocessing(np.zeros((64, 64, 3), np.float32), crop_size=56)
    square = np.full((64, 64, 3), 100, np.uint8)
    mask = np.zeros((56, 56), bool)
    mask[20:36, 20:36] = True
    maps = SlidingOccluder(model, crop.name).maps(
        preprocessing.centre_crop(square), patch_size=16, patch_stride=4
    )

    def row(label, mask):
        image = ChosenImage("a", square, label, 0, mask)
        nothing = np.zeros((0, 56, 56, 3), np.float32)
        return OcclusionRow(
            image, "a", square, maps, "crop", np.zeros((56, 56, 3)), nothing, []
        )

    found = row(0, mask).on_object
    assert found["worst_square_on_object"]
    assert found["area_under_curve"] == 1
    assert found["chance"] == 16 * 16 / 56**2
    assert found["share_on_object"] > 0.4
    assert not row(0, ~mask).on_object["worst_square_on_object"]
    assert row(1, mask).on_object is None
    assert row(0, None).on_object is None
    assert row(0, mask).lift is None


@pytest.mark.parametrize(
    ("activation", "lowest", "share", "said", "label"),
    [
        (40, 30, 0.75, "activation falls to 75%", "share of unoccluded"),
        (-120, -130, None, "is -120, -130 at the lowest", "sum of activations"),
        (0, 0, None, "is 0, 0 at the lowest", "sum of activations"),
    ],
)
def test_activations_that_may_be_negative_are_no_shares(
    activation, lowest, share, said, label
):
    starts, square = np.array([0, 4]), np.zeros((8, 8, 3), np.uint8)
    activations = np.array([[lowest, activation], [activation, activation]], "f")
    labels = np.zeros((2, 2), np.int64)
    sizes, before = ((4, 4), (8, 8)), (0.9, 0, float(activation))
    answers = (np.full((2, 2), 0.5, "f"), labels, activations)
    maps = OcclusionMaps(starts, starts, *sizes, 0, 7, *before, *answers)
    nothing = np.zeros((0, 8, 8, 3), np.float32)
    shown = np.zeros((8, 8, 3))
    image = ChosenImage("a", square, 0, 0)
    row = OcclusionRow(image, "a", square, maps, "maps", shown, nothing, [])
    assert row.lowest_activation == share
    assert said in sentences_on([row])[0]
    insets = [axes.child_axes for axes in draw_occlusion([row], ["a"]).axes]
    assert insets[1][0].get_ylabel() == label


def test_the_defaults_are_in_proportion_to_the_image():
    assert default_patch(224) == (50, 8)
    assert default_patch(56) == (12, 2)
    assert default_patch(4) == (1, 1)
    assert build_parser().parse_args([]).count == 3


@pytest.mark.slow
def test_hiding_the_object_takes_the_probability_away(shapes_network, tmp_path, capsys):
    """Sec. 4.2: the network finds the object, not its surroundings."""
    _, path, _ = shapes_network
    argv = ["--count=64", "--patch-size=20", "--patch-stride=4", "--max-images=60"]
    assert main([f"--model={path}", *argv, f"--workdir={tmp_path}"]) == 0
    record = read_results(tmp_path, "occlusion")
    known = [row["on_object"] for row in record["images"] if row["on_object"]]
    assert len(known) > 15
    mean = {key: np.mean([one[key] for one in known]) for key in known[0]}
    assert mean["area_under_curve"] > 0.7
    assert mean["share_on_object"] > 1.5 * mean["chance"]
    assert mean["worst_square_on_object"] > 2 * mean["chance"]
    assert f"In {len(known)} images" in capsys.readouterr().out
