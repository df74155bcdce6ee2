"""Matrix products on all cores, in blocks of rows, with BLAS on one core each.

The threads of BLAS spin while they wait for each other. If another process uses a
core, they wait up to ten times longer than they compute. Blocks do not wait.
"""

import functools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

# Rows of a block: enough for BLAS, few enough for all cores to end together.
ROWS = 512


def blas_on_one_core():
    """Returns a context in which BLAS starts no threads."""
    return threadpool_limits(1, "blas")


def in_parallel(function: Callable, items: Iterable) -> None:
    """Calls `function` for each of `items`, on all cores, and waits."""
    for _ in _pool(os.getpid()).map(function, items):
        pass


def rows_of(matrix: np.ndarray) -> list[slice]:
    """Returns the blocks of rows of a matrix."""
    return [slice(i, i + ROWS) for i in range(0, len(matrix), ROWS)]


def product(matrix: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Multiplies in the precision of `columns`, without a copy of all of `matrix`.

    Shapes: `matrix` (n_rows, n_inner), `columns` (n_inner, n_columns), result (n_rows,
    n_columns).
    """
    result = np.empty((len(matrix), columns.shape[1]), columns.dtype)

    def fill(rows):
        block = matrix[rows].astype(columns.dtype, copy=False)
        # Whoever calls checks the result: features may hold infinity.
        with np.errstate(invalid="ignore", over="ignore"):
            np.matmul(block, columns, out=result[rows])

    in_parallel(fill, rows_of(matrix))
    return result


@functools.cache
def _pool(process):
    """Returns the threads of a process; a forked process has none of its parent."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="heads")
