import numpy as np

from tests.helpers.networks import make_classifier
from visualize.figures.features.finder import FeatureFinder
from visualize.strongest.distinct import keep_one_each
from visualize.strongest.top_activations import Strongest
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import open_source
from zfkeras.data.split import ListedSplit

IDS = ("cat/1", "cat/2", "dog/1", "cat/3", "owl/1")


def a_split(ids):
    names = np.array(ids, bytes)
    return ListedSplit(names, np.zeros(len(ids), int), names)


def strongest(values, images):
    places = np.array(images)
    return Strongest(
        "conv1",
        np.array(values, np.float32),
        places,
        np.where(places < 0, -1, 7),
        np.stack([places, places], axis=2),
    )


def photograph_of(name):
    return name.partition("/")[0]


def test_each_photograph_counts_once_with_its_strongest_crop():
    found = strongest([[9, 8, 7, 6], [5, 4, 3, -np.inf]], [[1, 0, 4, 2], [3, 1, 0, -1]])
    kept = keep_one_each(found, 3, a_split(IDS), photograph_of)
    # Of the first channel cat/2, owl/1 and dog/1; of the second only cat/3.
    np.testing.assert_array_equal(kept.values, [[9, 7, 6], [5, -np.inf, -np.inf]])
    np.testing.assert_array_equal(kept.images, [[1, 4, 2], [3, -1, -1]])
    np.testing.assert_array_equal(kept.labels, [[7, 7, 7], [7, -1, -1]])
    np.testing.assert_array_equal(kept.positions[0], [[1, 1], [4, 4], [2, 2]])
    np.testing.assert_array_equal(kept.positions[1], [[3, 3], [-1, -1], [-1, -1]])
    assert kept.layer_name == "conv1"


def test_a_channel_is_shown_with_different_photographs(tmp_path):
    source = open_source("photographs")
    some = source.split("validation").at(np.arange(0, 300))
    found = FeatureFinder(make_classifier(0, ("a", "b")), [1], 4).find(
        source,
        some,
        3,
        state_path=tmp_path / "s.npz",
        data="d",
        bad_images=BadImages(1),
    )
    ((features, strongest),) = found
    assert strongest.values.shape[1] == 4
    for ids in features.ids:
        photographs = [name.partition("/")[0] for name in ids]
        assert len({*photographs}) == 4
