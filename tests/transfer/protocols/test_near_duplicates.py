import numpy as np
import pytest

from transfer.protocols import near_duplicates
from transfer.protocols.near_duplicates import Matches
from zfkeras.errors import UsageError

RANDOM = np.random.default_rng(5)
A, B = (RANDOM.normal(size=(n, 6)).astype(np.float32) for n in (23, 31))
A, B = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (A, B))
PRODUCT = A @ B.T


def matches_of(rows, columns, threshold=0.6):
    """Adds the two sets in blocks of so many images."""
    matches = Matches(len(A), threshold)
    for b in range(0, len(B), columns):
        for a in range(0, len(A), rows):
            matches.add(A[a : a + rows], a, B[b : b + columns], b)
    return matches


@pytest.mark.parametrize(("rows", "columns"), [(1, 7), (5, 1), (5, 31), (23, 7)])
@pytest.mark.parametrize("rows_at_once", [4, 4096])
def test_blocks_of_any_size_find_what_the_whole_product_shows(
    rows, columns, rows_at_once, monkeypatch
):
    monkeypatch.setattr(near_duplicates, "_ROWS", rows_at_once)
    matches = matches_of(rows, columns)
    np.testing.assert_allclose(matches.best, PRODUCT.max(axis=1), rtol=1e-5)
    assert matches.best_b.tolist() == PRODUCT.argmax(axis=1).tolist()
    a, b, correlation = matches.pairs()
    pairs = np.argwhere(PRODUCT >= 0.6).tolist()
    expected = sorted((-PRODUCT[i, j], i, j) for i, j in pairs)
    assert 10 < len(expected) < 300
    assert [*zip(a.tolist(), b.tolist(), strict=True)] == [row[1:] for row in expected]
    np.testing.assert_allclose(correlation, [-row[0] for row in expected], rtol=1e-5)


def test_the_first_of_equal_matches_counts_and_nothing_matches_nothing():
    matches = Matches(2, 0.9)
    one = np.array([[1, 0]], np.float32)
    matches.add(one, 0, np.concatenate([one, one]), 0)
    matches.add(one, 0, one, 2)
    assert (matches.best_b[0], np.isneginf(matches.best).tolist()) == (0, [False, True])
    assert matches.pairs()[1].tolist() == [0, 1, 2]
    assert [len(part) for part in Matches(3, 0.5).pairs()] == [0, 0, 0]


def test_a_threshold_that_too_many_pairs_reach_is_refused(monkeypatch):
    monkeypatch.setattr(near_duplicates, "MAX_PAIRS", 500)
    with pytest.raises(UsageError) as caught:
        matches_of(5, 5, threshold=-1)
    assert (caught.value.argument, caught.value.received) == ("threshold", -1)
