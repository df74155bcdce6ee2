import itertools
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from tests.helpers.networks import make_classifier
from tests.helpers.records import read_results
from tests.helpers.splits import noise, noise_split, png
from tests.helpers.trees import write_tree
from visualize.evolution import main
from visualize.figures.evolution.history import FeatureHistory
from visualize.figures.evolution.plot import draw_evolution
from visualize.figures.evolution.snapshots import find_snapshots
from zfkeras.errors import UsageError

NUM_IMAGES = 6


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A training of four snapshots, the last two of which are the same network."""
    folder = tmp_path_factory.mktemp("run")
    for epoch, seed in {1: 4, 2: 5, 10: 6, 5: 6}.items():
        classifier = make_classifier(seed, "ab")
        make_classifier(0, "ab")  # the mean image stays the run's
        mean = make_classifier(9, "ab").preprocessing
        classifier = type(classifier)(classifier.model, mean, ("a", "b"), {})
        classifier.save(folder / "snapshots" / f"epoch-{epoch:03d}.keras")
    (folder / "snapshots" / "notes.txt").write_text("")
    return folder


@pytest.fixture(scope="module")
def followed(run):
    """What the history finds in layer conv1, and the network it finishes with."""
    split = noise_split(NUM_IMAGES, 64)
    classifier = make_classifier(9, "ab")
    history = FeatureHistory(
        classifier, find_snapshots(run), ["conv1"], num_channels=5, seed=3, batch_size=4
    )
    return classifier, history.follow(split, crops(classifier)[:2])["conv1"]


def crops(classifier):
    images = [noise(number, 64, 64) for number in range(NUM_IMAGES)]
    return np.stack([classifier.preprocessing.centre_crop(image) for image in images])


@pytest.fixture(scope="module")
def truth(run, followed):
    """Of each epoch, conv1's maps over all images, by Keras, and its kernel."""
    classifier, _ = followed
    found = {}
    for epoch, path in find_snapshots(run).items():
        model = keras.saving.load_model(path, compile=False)
        conv = model.get_layer("conv1")
        network = keras.Model(model.inputs[0], conv.output)
        found[epoch] = network(crops(classifier)).numpy(), np.asarray(conv.kernel)
    return found


def test_each_snapshots_strongest_activation_is_found(followed, truth):
    _, layer = followed
    assert layer.epochs == (*truth,) == (1, 2, 5, 10)
    assert layer.channels.shape == (5,)
    for column, (maps, _) in enumerate(truth.values()):
        for row, channel in enumerate(layer.channels):
            one = maps[..., channel]
            place = np.unravel_index(one.argmax(), one.shape)
            assert layer.images[row, column] == place[0]
            assert layer.positions[row, column].tolist() == [*place[1:]]
            assert layer.activations[row, column] == pytest.approx(one.max(), rel=1e-4)


def test_a_first_layer_activation_is_projected_to_its_filter(followed, truth):
    _, layer = followed
    assert layer.reconstructions.shape == (5, 4, 7, 7, 3)
    for column, (_, kernel) in enumerate(truth.values()):
        for row, channel in enumerate(layer.channels):
            wanted = layer.activations[row, column] * kernel[..., channel]
            shown = layer.reconstructions[row, column]
            inside = np.any(shown != 0, axis=-1)
            assert inside.sum() > 20
            np.testing.assert_allclose(
                shown[inside], wanted[inside], rtol=1e-3, atol=1e-4
            )


def test_changes_and_nearness_tell_the_same_networks_from_others(followed, truth):
    _, layer = followed
    assert layer.to_last[3] == layer.to_last[2] == pytest.approx(1)
    assert layer.to_next[2] == pytest.approx(1)
    assert layer.changed[2] == 0
    assert max(layer.to_last[:2]) < 0.3  # other filters: nothing in common
    assert layer.to_next[1] == layer.to_last[1]
    assert layer.settled == 5
    best = [maps.max(axis=(1, 2)).argmax(axis=0) for maps, _ in truth.values()]
    wanted = [np.mean(a != b) for a, b in itertools.pairwise(best)]
    np.testing.assert_allclose(layer.changed, wanted)


def test_nearness_is_the_mean_cosine_on_the_probes(followed, truth):
    """By hand: on conv1 a projection is the filter, where the maximum stands."""
    _, layer = followed
    shown = []
    for maps, kernel in (truth[1], truth[10]):
        canvas = np.zeros((5, 2, 80, 80, 3))
        for row, channel in enumerate(layer.channels):
            for probe in range(2):
                one = maps[probe, ..., channel]
                y, x = np.unravel_index(one.argmax(), one.shape)
                window = np.s_[row, probe, 2 * y : 2 * y + 7, 2 * x : 2 * x + 7]
                canvas[window] = one.max() * kernel[..., channel]
        # "same" padding of 7 at stride 2 is 2 before the image of 56 pixels.
        shown.append(canvas[:, :, 2:58, 2:58].reshape(10, -1))
    a, b = shown
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert layer.to_last[0] == pytest.approx(cosines.mean(), abs=1e-4)


def test_snapshots_are_found_in_a_workdir_or_its_folder(run, tmp_path):
    wanted = [1, 2, 5, 10]
    assert [*find_snapshots(run)] == [*find_snapshots(run / "snapshots")] == wanted
    assert [*find_snapshots(run, [10, 2])] == [2, 10]
    with pytest.raises(UsageError, match=r"\[1, 2, 5, 10\]. Received: \[3\]"):
        find_snapshots(run, [2, 3])
    with pytest.raises(UsageError, match=r"at least two snapshots.*Received: \[2\]"):
        find_snapshots(run, [2])
    with pytest.raises(FileNotFoundError, match="--run must be"):
        find_snapshots(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    files = {
        f"{split}/{name}/{number}.png": png(noise(number, 64, 64))
        for split in ("train", "val")
        for name in "ab"
        for number in range(4)
    }
    return write_tree(tmp_path_factory.mktemp("images"), files)


def test_the_command_writes_picture_and_record(run, images, tmp_path, capsys):
    argv = ["--run", run, "--data", f"folder:{images}", "--workdir", tmp_path / "out"]
    argv += ["--layers", "1,conv4", "--channels", 3, "--probes", 2, "--max-images", 5]
    assert main([*map(str, argv), "--epochs", "2", "5", "10"]) == 0
    out = capsys.readouterr().out
    assert "layer 1 (norm1) " in out and f"{tmp_path}/out/evolution.png" in out
    with Image.open(tmp_path / "out/evolution.png") as picture:
        assert min(picture.size) > 300
    record = read_results(tmp_path / "out", "evolution")
    assert (record["images"], record["epochs"]) == (5, [2, 5, 10])
    assert record["paper"]["epochs"] == [1, 2, 5, 10, 20, 30, 40, 64]
    layer = record["layers"]["conv4"]
    assert layer["settled_epoch"] == 5
    assert len(layer["channels"]) == 3
    for rows in layer["channels"].values():
        assert [row["epoch"] for row in rows] == [2, 5, 10]
        assert rows[1]["image"] == rows[2]["image"]
        assert rows[1]["image"].endswith(".png")
        assert rows[2]["activation"] > 0


def test_unreadable_images_are_borne_with_and_counted_probes_too(
    run, images, tmp_path, capsys
):
    folder = shutil.copytree(images, tmp_path / "images")
    write_tree(folder / "train" / "b", {"9.png": "no picture"})
    argv = [f"--run={run}", f"--data=folder:{folder}", f"--workdir={tmp_path}/out"]
    argv += ["--layers=1", "--channels=1", "--epochs", "2", "10"]
    assert main(argv) == 1
    assert "1 of 9 images cannot be read" in capsys.readouterr().err
    assert main([*argv, "--max-bad-fraction=0.2"]) == 0
    record = read_results(tmp_path / "out", "evolution")
    assert (record["probes"], record["bad_images"]["count"]) == (8, 1)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--run", "nowhere"], "--run must be a training's workdir"),
        (["--epochs", "3", "5"], "--epochs must be among those kept"),
    ],
)
def test_wrong_arguments_are_one_line(run, images, tmp_path, capsys, argv, said):
    given = ["--run", str(run), "--data", f"folder:{images}"]
    given += ["--workdir", str(tmp_path / "out")]
    assert main(given + argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert said in line
    assert not (tmp_path / "out").exists()


def test_a_block_has_rows_columns_and_marks_where_the_image_changes():
    images = {"a": np.array([[1, 1, 2], [3, 4, 5]])}
    sheets = {"a": np.random.default_rng(0).normal(size=(2, 3, 50, 50, 3))}
    figure = draw_evolution(
        [1, 5, 40],
        sheets,
        {"a": [7, 11]},
        images,
        title="t",
        similarity={"a": [0, 1, 1]},
    )
    block, curves = figure.axes
    assert [text.get_text() for text in block.get_xticklabels()] == ["1", "5", "40"]
    assert [text.get_text() for text in block.get_yticklabels()] == ["7", "11"]
    assert block.images[0].get_array().shape == (102, 154, 3)
    places = sorted((mark.get_x(), mark.get_y()) for mark in block.patches)
    assert places == [(49.5, 51.5), (101.5, -0.5), (101.5, 51.5)]
    assert curves.lines[0].get_ydata().tolist() == [0, 1, 1]
