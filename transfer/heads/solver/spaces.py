"""The spaces of a linear head's weights: among the features, or among the samples.

With fewer samples than features every L2-regularised linear model is a weighted sum of
the training samples (the representer theorem). Then their Gram matrix is all that
solving needs; nothing is approximated.

Both spaces divide features by the root of the samples' mean square norm, so that C
means the same for every layer. A one is added to each sample, so that the intercept is
a weight among the others. They do not know the labels.
"""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from transfer.heads.solver.gram import check_finite
from transfer.heads.solver.parallel import product


class FeatureSpace:
    """Weights W (n_features, n_columns); scores X W.

    Shapes: `features` (n_samples, n_features).
    """

    def __init__(self, features: np.ndarray, scale: float = 1.0):
        self.features = features
        self.scale = scale
        self.size = features.shape[1]

    @classmethod
    def of_samples(cls, X: np.ndarray, sample_weight=None) -> "FeatureSpace":
        """Scales features (n_samples, n_features) and adds the ones."""
        scaled = np.ones((len(X), X.shape[1] + 1), np.float32)
        features = scaled[:, :-1]
        with np.errstate(over="ignore"):  # _scale checks
            features[...] = X
        scale = _scale(np.einsum("ij,ij->i", features, features), sample_weight)
        features *= np.float32(1 / scale)
        return cls(scaled, scale)

    def part(self, rows: np.ndarray) -> "FeatureSpace":
        """Returns the same space for some of the samples."""
        return FeatureSpace(self.features[rows])

    def scores_of(self, others, rows, weights: np.ndarray) -> np.ndarray:
        """Returns the scores of some samples by weights learnt from other rows."""
        return self.features[others] @ weights

    def widened(self, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Returns the weights of a fit on some samples as weights of all samples."""
        return weights

    def raw(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the weights of raw features, and the intercept.

        Shapes: result float32 (n_features, n_columns), (n_columns,).
        """
        kernel = (weights[:-1] / self.scale).astype(np.float32)
        return kernel, weights[-1].astype(np.float32)

    def scores(self, weights: np.ndarray) -> np.ndarray:
        """Returns the scores of weights, (n_samples, n_columns)."""
        return product(self.features, weights)

    def pull(self, gradient: np.ndarray) -> np.ndarray:
        """Turns a derivative by the scores into a derivative by the weights."""
        return product(self.features.T, gradient)

    def inner(self, a, b, b_scores) -> np.ndarray:
        """Returns the inner product of weights in feature space for each column."""
        return np.einsum("ij,ij->j", a, b)

    def products(self, a, b, b_scores) -> np.ndarray:
        """Returns the inner products of all columns of `a` with all of `b`."""
        return a.T @ b

    def ridge(self, rows: np.ndarray, targets: np.ndarray, c: float) -> np.ndarray:
        """Minimises |w|^2 / 2 + c * sum (|t| f - t)^2 over some rows, in float64.

        Shapes: `targets` (n_rows,), result float64 (size,).
        """
        part = self.features[rows].astype(np.float64) * np.abs(targets)[:, None]
        if len(rows) <= self.size:
            return part.T @ _solved(part @ part.T, targets, c)
        return _solved(part.T @ part, part.T @ targets, c)

    def ridge_cost(self, counts: np.ndarray) -> float:
        """Returns the multiplications of `ridge` with so many rows for each column."""
        short = np.minimum(counts, self.size).astype(np.float64)
        long = np.maximum(counts, self.size)
        return float((short**3 / 6 + short**2 * long / 2).sum())

    def product_cost(self, n_columns: int) -> float:
        """Returns the multiplications of a step of conjugate gradients."""
        return 2.0 * self.features.size * n_columns


class SampleSpace:
    """Weights B (n_samples, n_columns), W = X^T B; scores K B with K = X X^T.

    Its methods are those of `FeatureSpace`.

    Shapes: `gram` (n_samples, n_samples).
    """

    def __init__(self, gram: np.ndarray, scale: float = 1.0):
        self.gram = gram
        self.scale = scale
        self.size = len(gram)

    @classmethod
    def of_samples(cls, gram: np.ndarray, sample_weight=None) -> "SampleSpace":
        """Scales inner products (n_samples, n_samples) and adds the ones."""
        scale = _scale(np.diagonal(gram), sample_weight)
        return cls(gram * np.float32(scale**-2) + np.float32(1), scale)

    def part(self, rows):
        return SampleSpace(self.gram[np.ix_(rows, rows)])

    def scores_of(self, others, rows, weights):
        return self.gram[np.ix_(others, rows)] @ weights

    def widened(self, rows, weights):
        """Returns the same weights; the other samples have weight zero."""
        wide = np.zeros((self.size, weights.shape[1]), weights.dtype)
        wide[rows] = weights
        return wide

    def raw(self, weights):
        """Returns the weights of the samples, and the intercept they make.

        Shapes: result float32 (n_samples, n_columns), (n_columns,).
        """
        intercept = weights.sum(axis=0).astype(np.float32)
        return weights.astype(np.float32), intercept

    def scores(self, weights):
        return product(self.gram, weights)

    def pull(self, gradient):
        """Returns the gradient: it holds the coordinates of X^T gradient."""
        return gradient

    def inner(self, a, b, b_scores):
        return np.einsum("ij,ij->j", a, b_scores)

    def products(self, a, b, b_scores):
        return a.T @ b_scores

    def ridge(self, rows, targets, c):
        """Solves for the rows; the other samples have weight zero."""
        weights, factor = np.zeros(self.size), np.abs(targets, dtype=np.float64)
        part = self.gram[np.ix_(rows, rows)] * np.outer(factor, factor)
        weights[rows] = factor * _solved(part, targets, c)
        return weights

    def ridge_cost(self, counts):
        return float((counts.astype(np.float64) ** 3 / 6).sum())

    def product_cost(self, n_columns):
        return float(self.gram.size) * n_columns


def _scale(squares, sample_weight) -> float:
    """Returns the root of the mean of square norms; 1 if all features are zero."""
    check_finite(squares)
    mean = float(np.average(squares.astype(np.float64), weights=sample_weight))
    return float(np.sqrt(mean)) if mean > 0 else 1.0


def _solved(matrix, right, c):
    """Solves (matrix + 1 / 2c) x = right; changes `matrix`."""
    matrix[np.diag_indices_from(matrix)] += 1 / (2 * c)
    factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    return cho_solve(factor, np.asarray(right, np.float64), check_finite=False)
