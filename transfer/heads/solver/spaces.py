"""Where the weights of a linear head live: among the features, or among the samples.

With fewer samples than features every L2-regularised linear model is a weighted sum of
the training samples (the representer theorem), so that their Gram matrix is all that
solving needs; nothing is approximated.
"""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from transfer.heads.solver.parallel import product


class FeatureSpace:
    """Weights W (n_features, n_columns); scores X W.

    Shapes: `features` (n_samples, n_features).
    """

    def __init__(self, features: np.ndarray):
        self.features = features
        self.size = features.shape[1]

    def scores(self, weights: np.ndarray) -> np.ndarray:
        """The scores of weights, (n_samples, n_columns)."""
        return product(self.features, weights)

    def pull(self, gradient: np.ndarray) -> np.ndarray:
        """A derivative by the scores as one by the weights."""
        return product(self.features.T, gradient)

    def inner(self, a, b, b_scores) -> np.ndarray:
        """Inner product of weights in feature space, a column each."""
        return np.einsum("ij,ij->j", a, b)

    def products(self, a, b, b_scores) -> np.ndarray:
        """Inner products of all columns of `a` with all of `b`."""
        return a.T @ b

    def ridge(self, rows: np.ndarray, targets: np.ndarray, c: float) -> np.ndarray:
        """The minimum of |w|^2 / 2 + c * |f - targets|^2 over some rows, in float64.

        Shapes: `targets` (n_rows,), result float64 (size,).
        """
        part = self.features[rows].astype(np.float64)
        if len(rows) <= self.size:
            return part.T @ _solved(part @ part.T, targets, c)
        return _solved(part.T @ part, part.T @ targets, c)

    def ridge_cost(self, counts: np.ndarray) -> float:
        """Multiplications of `ridge` with so many rows, all columns together."""
        short = np.minimum(counts, self.size).astype(np.float64)
        long = np.maximum(counts, self.size)
        return float((short**3 / 6 + short**2 * long / 2).sum())

    def product_cost(self, n_columns: int) -> float:
        """Multiplications of a step of conjugate gradients."""
        return 2.0 * self.features.size * n_columns


class SampleSpace:
    """Weights B (n_samples, n_columns), W = X^T B; scores K B with K = X X^T.

    Shapes: `gram` (n_samples, n_samples).
    """

    def __init__(self, gram: np.ndarray):
        self.gram = gram
        self.size = len(gram)

    def scores(self, weights: np.ndarray) -> np.ndarray:
        """The scores of weights, (n_samples, n_columns)."""
        return product(self.gram, weights)

    def pull(self, gradient: np.ndarray) -> np.ndarray:
        """A derivative by the scores as one by the weights: X^T g has coordinates g."""
        return gradient

    def inner(self, a, b, b_scores) -> np.ndarray:
        """Inner product of weights in feature space, a column each."""
        return np.einsum("ij,ij->j", a, b_scores)

    def products(self, a, b, b_scores) -> np.ndarray:
        """Inner products of all columns of `a` with all of `b`."""
        return a.T @ b_scores

    def ridge(self, rows: np.ndarray, targets: np.ndarray, c: float) -> np.ndarray:
        """As in `FeatureSpace`: the other samples have weight zero."""
        weights = np.zeros(self.size)
        part = self.gram[np.ix_(rows, rows)].astype(np.float64)
        weights[rows] = _solved(part, targets, c)
        return weights

    def ridge_cost(self, counts: np.ndarray) -> float:
        """Multiplications of `ridge` with so many rows, all columns together."""
        return float((counts.astype(np.float64) ** 3 / 6).sum())

    def product_cost(self, n_columns: int) -> float:
        """Multiplications of a step of conjugate gradients."""
        return float(self.gram.size) * n_columns


def _solved(matrix, right, c):
    """Solves (matrix + 1 / 2c) x = right; changes `matrix`."""
    matrix[np.diag_indices_from(matrix)] += 1 / (2 * c)
    factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    return cho_solve(factor, np.asarray(right, np.float64), check_finite=False)
