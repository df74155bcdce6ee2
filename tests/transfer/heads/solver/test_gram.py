import numpy as np
import pytest

from transfer.heads.solver import gram as module
from transfer.heads.solver.gram import gram_matrix
from transfer.heads.solver.parallel import ROWS, in_parallel, product
from zfkeras.errors import RunError


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kept", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("asked", [np.float32, np.float64])
def test_product_is_that_of_numpy(order, kept, asked):
    random = np.random.default_rng(0)
    matrix = random.normal(size=(2 * ROWS + 7, 5)).astype(kept, order=order)
    columns = random.normal(size=(5, 3)).astype(asked)
    found = product(matrix, columns)
    assert found.dtype == asked
    expected = matrix.astype(np.float64) @ columns
    bound = 1e-5 if asked is np.float32 else 1e-12
    np.testing.assert_allclose(found, expected, atol=bound)


def test_gram_matrix_is_that_of_numpy_block_by_block(monkeypatch):
    n_samples = ROWS + 7
    monkeypatch.setattr(module, "_BLOCK_BYTES", 4 * n_samples * 7)
    X = np.random.default_rng(0).normal(size=(n_samples, 20)).astype(np.float16)
    wide, seen = X.astype(np.float64), []
    found = gram_matrix(X, seen.append)
    assert seen == [7, 7, 6]
    np.testing.assert_allclose(found, wide @ wide.T, rtol=1e-5, atol=1e-5)
    assert np.array_equal(found, found.T)
    rows = np.array([31, 2, 2, 17])
    some = gram_matrix(X, rows=rows)
    np.testing.assert_allclose(some, wide[rows] @ wide[rows].T, rtol=1e-5, atol=1e-5)
    X[3, 1] = np.inf
    with pytest.raises(RunError, match="must be finite"):
        gram_matrix(X)


def test_an_exception_on_a_thread_is_raised():
    def half(number):
        if number % 2:
            raise ValueError("odd")

    in_parallel(half, [0, 2])
    with pytest.raises(ValueError, match="odd"):
        in_parallel(half, [0, 1])
