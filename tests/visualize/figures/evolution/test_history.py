import itertools

import keras
import numpy as np
import pytest

from tests.helpers.networks import make_classifier
from tests.helpers.searching import search
from tests.helpers.splits import noise, noise_split
from visualize.figures.evolution.history import FeatureHistory
from visualize.figures.evolution.snapshots import find_snapshots
from zfkeras.errors import UsageError

NUM_IMAGES = 6


@pytest.fixture(scope="module")
def run(snapshots):
    return snapshots({1: 4, 2: 5, 10: 6, 5: 6})


@pytest.fixture(scope="module")
def classifier():
    return make_classifier(9, "ab")


@pytest.fixture(scope="module")
def crops(classifier):
    images = [noise(number, 64, 64) for number in range(NUM_IMAGES)]
    return np.stack([classifier.preprocessing.centre_crop(image) for image in images])


@pytest.fixture(scope="module")
def layer(run, classifier, crops, tmp_path_factory):
    """The history of conv1 over snapshots of which the last two are one network."""
    history = FeatureHistory(
        classifier,
        find_snapshots(run),
        ["conv1"],
        search(noise_split(NUM_IMAGES, 64)),
        workdir=tmp_path_factory.mktemp("scans"),
        num_channels=5,
        seed=3,
        batch_size=4,
    )
    return history.follow(crops[:2])["conv1"]


@pytest.fixture(scope="module")
def truth(run, crops):
    """Returns, for each epoch, conv1's maps of all images (by Keras) and its kernel."""
    found = {}
    for epoch, path in find_snapshots(run).items():
        model = keras.saving.load_model(path, compile=False)
        conv = model.get_layer("conv1")
        network = keras.Model(model.inputs[0], conv.output)
        found[epoch] = network(crops).numpy(), np.asarray(conv.kernel)
    return found


def test_each_snapshots_strongest_activation_is_found_and_projected(layer, truth):
    assert layer.epochs == (*truth,) == (1, 2, 5, 10)
    assert layer.reconstructions.shape == (5, 4, 7, 7, 3)
    for column, (maps, kernel) in enumerate(truth.values()):
        for row, channel in enumerate(layer.channels):
            one = maps[..., channel]
            image, *place = np.unravel_index(one.argmax(), one.shape)
            assert layer.images[row, column] == image
            assert layer.positions[row, column].tolist() == place
            assert layer.activations[row, column] == pytest.approx(one.max(), rel=1e-4)
            # An activation of the first layer comes down as its filter.
            shown = layer.reconstructions[row, column]
            inside = np.any(shown != 0, axis=-1)
            assert inside.sum() > 20
            wanted = one.max() * kernel[inside, :, channel]
            np.testing.assert_allclose(shown[inside], wanted, rtol=1e-3, atol=1e-4)


def test_changes_and_nearness_tell_the_same_networks_from_others(layer, truth):
    assert layer.to_last[3] == layer.to_last[2] == pytest.approx(1)
    assert layer.to_next[2] == pytest.approx(1)
    assert layer.changed[2] == 0
    assert max(layer.to_last[:2]) < 0.3  # other filters: nothing in common
    assert layer.to_next[1] == layer.to_last[1]
    assert layer.settled == 5
    best = [maps.max(axis=(1, 2)).argmax(axis=0) for maps, _ in truth.values()]
    wanted = [np.mean(a != b) for a, b in itertools.pairwise(best)]
    np.testing.assert_allclose(layer.changed, wanted)


def test_nearness_is_the_mean_cosine_on_the_probes(layer, truth):
    """By hand: on conv1 a projection is the filter, where the maximum stands."""
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
    (run / "snapshots" / "notes.txt").write_text("")
    wanted = [1, 2, 5, 10]
    assert [*find_snapshots(run)] == [*find_snapshots(run / "snapshots")] == wanted
    assert [*find_snapshots(run, [10, 2])] == [2, 10]
    for epochs in ([2, 3], [2]):  # one is not there; one alone is none to compare
        with pytest.raises(UsageError):
            find_snapshots(run, epochs)
    with pytest.raises(FileNotFoundError):
        find_snapshots(tmp_path / "nowhere")
