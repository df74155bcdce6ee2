"""Where the weights of a linear head live: among the features, or among the samples.

With fewer samples than features every L2-regularised linear model is a weighted sum of
the training samples (the representer theorem), so that their Gram matrix is all that
solving needs; nothing is approximated.
"""

import numpy as np


class FeatureSpace:
    """Weights W (n_features, n_columns); scores X W.

    Args:
        features: (n_samples, n_features).
    """

    def __init__(self, features: np.ndarray):
        self.features = features
        self.size = features.shape[1]

    def scores(self, weights: np.ndarray) -> np.ndarray:
        """The scores of weights, (n_samples, n_columns)."""
        return self.features @ weights

    def pull(self, gradient: np.ndarray) -> np.ndarray:
        """A derivative by the scores as one by the weights."""
        return self.features.T @ gradient

    def inner(self, a, b, b_scores) -> np.ndarray:
        """Inner product of weights in feature space, a column each."""
        return np.einsum("ij,ij->j", a, b)


class SampleSpace:
    """Weights B (n_samples, n_columns), W = X^T B; scores K B with K = X X^T.

    Args:
        gram: (n_samples, n_samples), inner products of the samples.
    """

    def __init__(self, gram: np.ndarray):
        self.gram = gram
        self.size = len(gram)

    def scores(self, weights: np.ndarray) -> np.ndarray:
        """The scores of weights, (n_samples, n_columns)."""
        return self.gram @ weights

    def pull(self, gradient: np.ndarray) -> np.ndarray:
        """A derivative by the scores as one by the weights: X^T g has coordinates g."""
        return gradient

    def inner(self, a, b, b_scores) -> np.ndarray:
        """Inner product of weights in feature space, a column each."""
        return np.einsum("ij,ij->j", a, b_scores)
