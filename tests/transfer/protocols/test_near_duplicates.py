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


@pytest.mark.parametrize("rows", [1, 5, 23])
@pytest.mark.parametrize("columns", [1, 7, 31])
@pytest.mark.parametrize("rows_at_once", [4, 4096])
def test_blocks_of_any_size_find_what_the_whole_product_shows(
    rows, columns, rows_at_once, monkeypatch
):
    monkeypatch.setattr(near_duplicates, "_ROWS", rows_at_once)
    matches = matches_of(rows, columns)
    np.testing.assert_allclose(matches.best, PRODUCT.max(axis=1), rtol=1e-5)
    assert matches.best_b.tolist() == PRODUCT.argmax(axis=1).tolist()
    a, b, correlation = matches.pairs()
    expected = sorted(
        (-PRODUCT[i, j], i, j)
        for i in range(len(A))
        for j in range(len(B))
        if PRODUCT[i, j] >= 0.6
    )
    assert 10 < len(expected) < 300
    assert [*zip(a.tolist(), b.tolist(), strict=True)] == [row[1:] for row in expected]
    np.testing.assert_allclose(correlation, [-row[0] for row in expected], rtol=1e-5)


def test_of_equal_matches_the_first_counts():
    matches = Matches(1, 0.9)
    one = np.array([[1, 0]], np.float32)
    matches.add(one, 0, np.concatenate([one, one]), 0)
    matches.add(one, 0, one, 2)
    assert matches.best_b.tolist() == [0]
    assert matches.pairs()[1].tolist() == [0, 1, 2]


def test_nothing_compared_is_no_pair():
    matches = Matches(3, 0.5)
    assert [len(part) for part in matches.pairs()] == [0, 0, 0]
    assert np.isneginf(matches.best).all()


def test_a_threshold_that_nearly_everything_reaches_is_refused(monkeypatch):
    monkeypatch.setattr(near_duplicates, "MAX_PAIRS", 500)
    with pytest.raises(UsageError, match=r"no more than 500 pairs .* threshold=-1"):
        matches_of(5, 5, threshold=-1)
