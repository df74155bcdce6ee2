import numpy as np
import pytest
from threadpoolctl import threadpool_info

from transfer.heads.solver.gram import gram_matrix
from transfer.heads.solver.parallel import ROWS, blas_on_one_core, in_parallel, product


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kept", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("asked", [np.float32, np.float64])
def test_blocks_are_the_whole_product(order, kept, asked):
    random = np.random.default_rng(0)
    matrix = random.normal(size=(2 * ROWS + 7, 5)).astype(kept, order=order)
    columns = random.normal(size=(5, 3)).astype(asked)
    found = product(matrix, columns)
    assert found.dtype == asked
    expected = matrix.astype(np.float64) @ columns
    np.testing.assert_allclose(
        found, expected, atol=1e-5 if asked is np.float32 else 1e-12
    )


def test_tiles_are_the_whole_gram_matrix():
    X = np.random.default_rng(0).normal(size=(2 * ROWS + 7, 5)).astype(np.float32)
    found = gram_matrix(X)
    np.testing.assert_allclose(found, X.astype(np.float64) @ X.T, atol=1e-5)
    assert np.array_equal(found, found.T)


def test_what_goes_wrong_on_a_thread_is_raised():
    def half(number):
        if number % 2:
            raise ValueError("odd")

    in_parallel(half, [0, 2])
    with pytest.raises(ValueError, match="odd"):
        in_parallel(half, [0, 1])


def test_blas_gets_its_threads_back():
    def threads():
        return [
            one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"
        ]

    before = threads()
    with blas_on_one_core():
        assert set(threads()) == {1}
    assert threads() == before
