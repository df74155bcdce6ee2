import keras
import numpy as np
import pytest
from PIL import Image

from tests.helpers.records import read_results
from visualize.figures.occlusion.rows import default_patch
from visualize.occlusion import build_parser, main

COARSE = ("--patch-size=28", "--patch-stride=28")


@pytest.fixture
def words(model_file, image_folder):
    return [f"--model={model_file}", f"--data=folder:{image_folder}"]


def test_five_columns_are_drawn_for_images_of_the_data(run, words, tmp_path):
    assert run(main, *words, *COARSE, "--count=2")[0] == 0
    with Image.open(tmp_path / "out" / "occlusion.png") as picture:
        assert picture.width > 1500
    record = read_results(tmp_path / "out", "occlusion")
    assert len(record["images"]) == 2
    for row in record["images"]:
        assert row["image"].startswith("val/") and row["class_is"] == "true"
        lowest = np.min(row["probabilities"])
        assert row["lowest_probability"] == pytest.approx(lowest, rel=1e-4)
        assert row["on_object"] is None
        assert len(row["other_images"]) == 3
        assert row["image"] not in row["other_images"]


def test_a_rerun_on_a_named_image_reuses_the_pass_over_the_data(
    run, words, image_folder, tmp_path, monkeypatch
):
    image = image_folder / "val" / "bee" / "1.png"  # it is in the data, too
    argv = [*words, *COARSE, "--images", image]
    argv += ["--layer=conv5", "--channel=3", "--fill=0"]
    assert run(main, *argv)[0] == 0
    monkeypatch.setattr("zfkeras.passes.sharded.evaluation_batches", None)
    assert run(main, *argv)[0] == 0
    record = read_results(tmp_path / "out", "occlusion")
    (row,) = record["images"]
    assert (row["class_name"], row["channel"], row["layer"]) == ("bee", 3, "conv5")
    assert record["fill"] == 0
    others = row["other_images"]
    assert others and "val/bee/1.png" not in others


def test_a_network_without_rules_shows_images_in_place_of_projections(
    run, image_folder, tmp_path, caplog
):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="silu", name="maps"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.save(tmp_path / "swish.keras")
    argv = [f"--model={tmp_path}/swish.keras", f"--data=folder:{image_folder}"]
    argv += ["--patch-size=8", "--patch-stride=8", "--count=1", "--layer=maps"]
    code, out, _ = run(main, *argv)
    assert code == 0 and "silu" in caplog.text and "in place of projections" in out
    (row,) = read_results(tmp_path / "out", "occlusion")["images"]
    assert not row["is_projected"] and row["activation_fall_where_projected"] is None
    assert len(row["other_images"]) == 3


def test_the_defaults_are_in_proportion_to_the_image():
    assert default_patch(224) == (50, 8)
    assert default_patch(56) == (12, 2)
    assert default_patch(4) == (1, 1)
    assert build_parser().parse_args([]).count == 3


@pytest.mark.slow
def test_hiding_the_object_takes_the_probability_away(shapes_network, run, tmp_path):
    """Sec. 4.2: the network finds the object, not its surroundings."""
    argv = ["--data=shapes", "--count=64", "--patch-size=20", "--patch-stride=4"]
    _, out, _ = run(main, f"--model={shapes_network}", *argv, "--max-images=60")
    record = read_results(tmp_path / "out", "occlusion")
    known = [row["on_object"] for row in record["images"] if row["on_object"]]
    assert len(known) > 15
    mean = {key: np.mean([one[key] for one in known]) for key in known[0]}
    assert mean["area_under_curve"] > 0.7
    assert mean["share_on_object"] > 1.5 * mean["chance"]
    assert mean["worst_square_on_object"] > 2 * mean["chance"]
    assert f"In {len(known)} images" in out
