import numpy as np

from tests.helpers.searching import search
from visualize.strongest.distinct import one_per_photograph
from visualize.strongest.top_activations import Strongest
from zfkeras.data.split import ListedSplit


def test_each_photograph_counts_once_with_its_strongest_crop():
    ids = np.array(["cat/1", "cat/2", "dog/1", "cat/3", "owl/1"], bytes)
    split = ListedSplit(ids, np.zeros(len(ids), int), ids)
    places = np.array([[1, 0, 4, 2], [3, 1, 0, -1]])
    found = Strongest(
        "conv1",
        np.array([[9, 8, 7, 6], [5, 4, 3, -np.inf]], np.float32),
        places,
        np.where(places < 0, -1, 7),
        np.stack([places, places], axis=2),
    )
    assert one_per_photograph(found, 3, search(split)) is found  # no crops
    kept = one_per_photograph(found, 3, search(split, "photographs"))
    # Of the first channel cat/2, owl/1 and dog/1; of the second only cat/3.
    np.testing.assert_array_equal(kept.values, [[9, 7, 6], [5, -np.inf, -np.inf]])
    np.testing.assert_array_equal(kept.images, [[1, 4, 2], [3, -1, -1]])
    np.testing.assert_array_equal(kept.labels, [[7, 7, 7], [7, -1, -1]])
    np.testing.assert_array_equal(kept.positions[0], [[1, 1], [4, 4], [2, 2]])
    np.testing.assert_array_equal(kept.positions[1], [[3, 3], [-1, -1], [-1, -1]])
    assert kept.layer_name == "conv1"
