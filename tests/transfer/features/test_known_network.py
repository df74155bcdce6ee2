import numpy as np
import pytest

import zfkeras
from tests.helpers.networks import make_classifier
from tests.helpers.splits import noise_split
from transfer.features.extraction import extract
from transfer.features.known_network import KnownNetwork

LAYERS = [5, "conv1"]


def unread():
    raise AssertionError("the network is read")


@pytest.fixture
def file(classifier, tmp_path):
    path = tmp_path / "model.keras"
    classifier.save(path)
    return path


@pytest.fixture
def known(file, tmp_path):
    def known(load=lambda: zfkeras.load(file)):
        return KnownNetwork(load, file, tmp_path / "cache")

    return known


def test_a_file_is_read_once(known, classifier):
    first = known()
    found = first.digest, first.sizes(LAYERS)
    assert found[1] == {5: 3 * 3 * 128, "conv1": 28 * 28 * 64}
    assert found[0] == KnownNetwork(lambda: classifier).digest
    again = known(unread)
    assert (again.digest, again.sizes(LAYERS)) == found
    with pytest.raises(AssertionError):
        again.sizes([*LAYERS, "conv2"])


def test_another_network_in_the_same_file_is_read(known, file):
    before = known().digest
    make_classifier(4, ("a", "b")).save(file)
    assert known().digest != before


def test_what_is_kept_may_be_damaged(known, tmp_path, caplog):
    digest = known().digest
    (kept,) = (tmp_path / "cache").rglob("*.json")
    kept.write_text("{")
    assert known().digest == digest
    assert f"{kept} is damaged" in caplog.text


def test_cached_features_need_no_weights(known, tmp_path):
    split = noise_split(4, 64)

    def features(network):
        found = extract(network, split, [5], tmp_path / "cache", data="noise")
        return found.layers[5]

    computed = np.array(features(known()))
    assert np.array_equal(features(known(unread)), computed)
