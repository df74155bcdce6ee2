import numpy as np
import pytest

from visualize.deconvnet.requests import Pairs


def pairs(n=9, n_images=4, seed=0):
    random = np.random.default_rng(seed)
    image, channel = random.integers(0, n_images, n), random.integers(0, 7, n)
    position = random.integers(0, 5, (n, 2))
    return Pairs.of(n_images, (5, 6, 7), channel, position, image)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_batches_hold_every_pair_once_and_each_image_once(batch_size):
    given = pairs()
    images = np.arange(4.0)[:, None]
    seen = []
    for chosen in given.batches(batch_size):
        seen.extend(chosen)
        assert len(chosen) <= batch_size
        used, rows, channels, positions = given.batch(images, chosen)
        n = len(chosen)
        assert used[rows[:n], 0].tolist() == given.rows[chosen].tolist()
        assert channels[:n].tolist() == given.channels[chosen].tolist()
        assert positions[:n].tolist() == given.positions[chosen].tolist()
        assert len({*used[:, 0]}) == len({*given.rows[chosen]})
    assert sorted(seen) == list(range(9))


def test_batches_are_filled_up_to_few_lengths():
    lengths = set()
    for n in range(1, 65):
        given = pairs(n)
        (chosen,) = given.batches(64)
        length = len(given.batch(np.zeros((4, 1)), chosen)[1])
        assert n <= length < 1.5 * n or n <= 2
        lengths.add(length)
    assert lengths == {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}


def test_single_values_serve_every_pair():
    given = Pairs.of(3, (5, 6, 7), 2, (1, 4), None)
    assert given.rows.tolist() == [0, 1, 2]
    assert given.channels.tolist() == [2, 2, 2]
    assert given.positions.tolist() == [[1, 4]] * 3
    given = Pairs.of(1, (9,), [4, 5], None, None)
    assert (given.rows.tolist(), given.channels.tolist()) == ([0, 0], [4, 5])
