import numpy as np
import pytest

from zfkeras.data.orders import stream_rows


@pytest.mark.parametrize(
    ("number", "start"), [(0, 0), (1024, 0), (3000, 0), (3000, 1024), (3000, 4000)]
)
@pytest.mark.parametrize("seed", [None, (3, 7)])
def test_each_row_comes_once_whatever_the_blocks(number, start, seed):
    def rows(positions):
        numbers = np.arange(number)[positions]
        return numbers.astype("S"), numbers % 7, (numbers + 1).astype("S")

    stream = stream_rows(number, rows, seed, start)
    # Previously the order was drawn in 64 bits; runs that are resumed must not notice.
    random = None if seed is None else np.random.default_rng(list(seed))
    order = np.arange(number) if seed is None else random.permutation(number)
    assert [*stream.as_numpy_iterator()] == [
        {"key": b"%d" % i, "label": i % 7, "id": b"%d" % (i + 1)} for i in order[start:]
    ]
    assert len(stream) == max(number - start, 0)


def test_only_what_is_streamed_is_made():
    asked = []

    def rows(positions):
        asked.extend(positions)
        names = positions.astype("S")
        return names, positions, names

    stream = stream_rows(1_000_000, rows, (0, 1)).take(10)
    assert len([*stream.as_numpy_iterator()]) == 10
    assert len(asked) <= 4096
