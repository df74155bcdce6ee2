"""A head's training samples, scaled: as features, or as their inner products.

The scale is the root of the samples' mean square norm, so that C means the same for
every layer; a one is added to each sample, so that the intercept is a weight among the
others. It knows nothing of labels.
"""

import numpy as np

from transfer.heads.solver.gram import check_finite
from transfer.heads.solver.spaces import FeatureSpace, SampleSpace


class FeatureSamples:
    """Samples as features.

    Shapes: `X` (n_samples, n_features).
    """

    def __init__(self, X: np.ndarray):
        self._scaled = np.ones((len(X), X.shape[1] + 1), np.float32)
        features = self._scaled[:, :-1]
        with np.errstate(over="ignore"):  # told of below
            features[...] = X
        self.scale = _scale(np.einsum("ij,ij->i", features, features))
        features *= np.float32(1 / self.scale)

    def space(self, rows: np.ndarray | None = None) -> FeatureSpace:
        """Where the weights of some samples live. `None` (default): of all."""
        return FeatureSpace(self._scaled if rows is None else self._scaled[rows])

    def scores(self, rows, others: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The scores of some samples by weights learnt from others."""
        return self._scaled[others] @ weights

    def widened(self, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The weights that some samples gave as weights of the space of all."""
        return weights

    def raw(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same weights for raw features.

        Shapes: result (n_features, n_columns).
        """
        kernel = (weights[:-1] / self.scale).astype(np.float32)
        return kernel, weights[-1].astype(np.float32)


class GramSamples:
    """Samples as inner products; weights are those of the samples.

    Shapes: `gram` (n_samples, n_samples).
    """

    def __init__(self, gram: np.ndarray):
        self.scale = _scale(np.diagonal(gram))
        self._kernel = gram * np.float32(self.scale**-2) + np.float32(1)

    def space(self, rows: np.ndarray | None = None) -> SampleSpace:
        """As in `FeatureSamples`."""
        kernel = self._kernel if rows is None else self._kernel[np.ix_(rows, rows)]
        return SampleSpace(kernel)

    def scores(self, rows, others: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """As in `FeatureSamples`."""
        return self._kernel[np.ix_(others, rows)] @ weights

    def widened(self, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """As in `FeatureSamples`: the other samples have no weight."""
        wide = np.zeros((len(self._kernel), weights.shape[1]), weights.dtype)
        wide[rows] = weights
        return wide

    def raw(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The weights of the samples, and the intercept they make.

        Shapes: result float32 (n_samples, n_columns).
        """
        intercept = weights.sum(axis=0).astype(np.float32)
        return weights.astype(np.float32), intercept


def _scale(squares) -> float:
    """The root of the mean of square norms; 1 for features that are all zero."""
    check_finite(squares)
    mean = float(np.mean(squares, dtype=np.float64))
    return float(np.sqrt(mean)) if mean > 0 else 1.0
