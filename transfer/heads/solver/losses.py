"""The losses of linear heads, for all classes at once.

Each is a function of the scores F (n_samples, n_columns), with its derivative and the
product of its second derivative with a matrix.
"""

import numpy as np
from scipy.special import logsumexp, softmax


class SquaredHinge:
    """One against rest: the sum of max(0, 1 - y f)^2; each column is its own problem.

    Targets are y, times the root of a sample's weight: t^2 max(0, 1 - f / t)^2.

    Shapes: `targets` (n_samples, n_columns).
    """

    #: Each column is a problem of its own and has a step of its own.
    is_separable = True

    def __init__(self, targets: np.ndarray):
        self.targets = targets

    def of_columns(self, chosen: np.ndarray) -> "SquaredHinge":
        """Returns the loss of some columns alone; `chosen` is bool, (n_columns,)."""
        return SquaredHinge(self.targets[:, chosen])

    def value(self, scores: np.ndarray) -> np.ndarray:
        """Returns the loss of each column, (n_columns,)."""
        return np.square(self._slack(scores)).sum(axis=0, dtype=np.float64)

    def gradient(self, scores: np.ndarray) -> np.ndarray:
        """Returns the derivative by the scores, of their shape."""
        return -2 * self.targets * self._slack(scores)

    def curvature(self, scores: np.ndarray):
        """Returns the function V -> H V of the second derivative at these scores."""
        active = self._bend(scores)
        return lambda directions: active * directions

    def counted(self, scores: np.ndarray) -> np.ndarray:
        """Returns which samples have a loss, bool, of the shape of the scores."""
        return self._slack(scores) > 0

    def mean_curvature(self, scores: np.ndarray) -> np.ndarray:
        """Returns the mean second derivative, (n_columns,)."""
        return self._bend(scores).mean(axis=0)

    def _bend(self, scores):
        bend = 2 * np.square(self.targets) * self.counted(scores)
        return bend.astype(scores.dtype, copy=False)

    def _slack(self, scores):
        known = np.abs(self.targets)
        return np.maximum(0, known - self.targets * scores)


class Multinomial:
    """The cross-entropy of a softmax over all columns: one problem.

    A row of targets sums to the sample's weight.

    Shapes: `targets` (n_samples, n_columns).
    """

    is_separable = False

    def __init__(self, targets: np.ndarray):
        self.targets = targets
        self._weights = targets.sum(axis=1, keepdims=True)

    def value(self, scores: np.ndarray) -> np.ndarray:
        """Returns the loss, (1,)."""
        right = (scores * self.targets).sum(axis=1)
        all_of_them = logsumexp(scores, axis=1) * self._weights[:, 0]
        return np.array([(all_of_them - right).sum(dtype=np.float64)])

    def gradient(self, scores: np.ndarray) -> np.ndarray:
        """Returns the derivative by the scores, of their shape."""
        return self._weights * softmax(scores, axis=1) - self.targets

    def curvature(self, scores: np.ndarray):
        """Returns the function V -> H V of the second derivative at these scores."""
        shares = softmax(scores, axis=1)

        def product(directions):
            weighted = self._weights * shares * directions
            return weighted - shares * weighted.sum(axis=1, keepdims=True)

        return product

    def mean_curvature(self, scores: np.ndarray) -> np.ndarray:
        """Returns the mean second derivative by each score, (n_columns,)."""
        shares = softmax(scores, axis=1)
        return (self._weights * shares * (1 - shares)).mean(axis=0)
