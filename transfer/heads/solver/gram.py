"""Computes Gram matrices of features that may not fit into memory."""

import numpy as np

from transfer.heads.solver.parallel import (
    blas_on_one_core,
    in_parallel,
    product,
    rows_of,
)
from zfkeras.errors import RunError

# Bytes of float32 features that are in memory at once.
_BLOCK_BYTES = 256 * 2**20


def gram_matrix(
    features: np.ndarray, progress=None, *, rows: np.ndarray | None = None
) -> np.ndarray:
    """Computes all inner products of the rows of `features`.

    Reads the features once, some columns of all rows at a time, so that memory holds
    the result and one block.

    Args:
        features: (n_samples, n_features), an array or a memory map, of any float type.
        progress: called with the number of columns just done. `None`: silent.
        rows: int (n_rows,), which samples, in which order; the others are not read.
            `None` (default): all.

    Returns:
        float32 array (n_samples, n_samples), or (n_rows, n_rows).

    Raises:
        RunError: a feature is not finite.
    """
    n_samples = len(features) if rows is None else len(rows)
    n_features = features.shape[1]
    gram = np.zeros((n_samples, n_samples), np.float32)
    parts = rows_of(gram)
    tiles = [(one, other) for i, one in enumerate(parts) for other in parts[: i + 1]]
    block = None

    def add(tile):
        one, other = tile
        with np.errstate(invalid="ignore", over="ignore"):  # checked below
            gram[one, other] += block[one] @ block[other].T

    with blas_on_one_core():
        for columns in _blocks(n_features, n_samples):
            block = _in_memory(features, columns, rows)
            in_parallel(add, tiles)
            if progress is not None:
                progress(block.shape[1])
    for one, other in tiles:
        gram[other, one] = gram[one, other].T
    check_finite(np.diagonal(gram))
    return gram


def check_finite(of_rows: np.ndarray) -> None:
    """Raises `RunError` if one of the numbers computed of features is not finite."""
    if not np.isfinite(of_rows).all():
        raise RunError(
            "features must be finite. Received: a row of the features with infinity, "
            "NaN or an overflow."
        )


def weighted_sum(
    features: np.ndarray, weights: np.ndarray, rows: np.ndarray | None = None
) -> np.ndarray:
    """Computes the weighted sum of the rows of `features`, which it reads in blocks.

    Shapes: `features` (n_samples, n_features), `weights` (n_samples, n_columns), `rows`
    int (n_rows,), result float32 array (n_features, n_columns).
    """
    result = np.empty((features.shape[1], weights.shape[1]), np.float32)
    with blas_on_one_core():
        for columns in _blocks(features.shape[1], len(weights)):
            block = _in_memory(features, columns, rows)
            result[columns] = product(block.T, weights)
    return result


def _in_memory(features, columns, rows):
    """Reads some columns of some rows as float32."""
    width = features[:1, columns].shape[1]
    block = np.empty((len(features) if rows is None else len(rows), width), np.float32)

    def fill(part):
        block[part] = features[part if rows is None else rows[part], columns]

    in_parallel(fill, rows_of(block))
    return block


def _blocks(n_features, n_samples):
    width = max(1, _BLOCK_BYTES // (4 * max(n_samples, 1)))
    return [slice(i, i + width) for i in range(0, n_features, width)]
