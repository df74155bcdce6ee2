import numpy as np
import pytest

from zfkeras.data.orders import carved_positions, stream_rows


def rows_of_numbers(positions, number=3000):
    numbers = np.arange(number)[positions]
    return numbers.astype("S"), numbers % 7, (numbers + 1).astype("S")


@pytest.mark.parametrize("number", [0, 1024, 3000])
@pytest.mark.parametrize("start", [0, 1024, 2999, 4000])
def test_each_row_comes_once_whatever_the_blocks(number, start):
    stream = stream_rows(number, lambda p: rows_of_numbers(p, number), None, start)
    rows = [*stream.as_numpy_iterator()]
    assert rows == [
        {"key": b"%d" % i, "label": i % 7, "id": b"%d" % (i + 1)}
        for i in range(start, number)
    ]
    assert len(stream) == len(rows)


# Previously the order was drawn in 64 bits; runs that are resumed must not notice.
@pytest.mark.parametrize("seed", [(3, 7)])
def test_an_order_is_that_of_numpys_permutation(seed):
    stream = stream_rows(3000, rows_of_numbers, seed, 10)
    order = np.random.default_rng(list(seed)).permutation(3000)[10:]
    keys = [int(row["key"]) for row in stream.as_numpy_iterator()]
    assert keys == order.tolist()


def test_only_what_is_streamed_is_made():
    asked = []

    def rows(positions):
        asked.append(positions)
        return rows_of_numbers(positions, 1_000_000)

    stream = stream_rows(1_000_000, rows, (0, 1)).take(10)
    assert len([*stream.as_numpy_iterator()]) == 10
    assert sum(len(positions) for positions in asked) <= 4096


def test_positions_are_carved_from_each_class_in_proportion():
    labels = np.array([0] * 10 + [1] * 20 + [2] * 3)
    rest, carved = carved_positions(labels, 0.5, seed=0)
    assert np.bincount(labels[carved]).tolist() == [5, 10, 2]
    assert sorted([*rest, *carved]) == [*range(33)]
    assert (np.diff(rest) > 0).all() and (np.diff(carved) > 0).all()
