"""`SoftmaxHead`: multinomial logistic regression."""

import numpy as np
from scipy.special import expit, softmax

from transfer.heads.base import LinearHead
from transfer.heads.solver.losses import Multinomial


class SoftmaxHead(LinearHead):
    """A softmax over all classes, L2-regularised (paper, sec. 5.2).

    The loss is that of scikit-learn's multinomial `LogisticRegression`, but the
    intercept is regularised, too. Everything else is as in `LinearHead`.

    Example:
        >>> X = np.array([[0.0, 1], [1, 0], [2, 1], [3, 0]])
        >>> head = SoftmaxHead(C=100).fit(X, [0, 0, 1, 1])
        >>> head.predict_proba([[0, 0]]).round(1)
        array([[1., 0.]])
    """

    def predict_proba(self, X):
        """Returns the probability of each class, (n_samples, n_classes)."""
        decision = self.decision_function(X)
        if decision.ndim == 1:
            right = expit(decision)
            return np.stack([1 - right, right], axis=1)
        return softmax(decision, axis=1)

    def _loss(self, known, sample_weight):
        one_hot = known[:, None] == np.arange(len(self.classes_))
        return Multinomial(one_hot * sample_weight[:, None])

    def _minimise(self, space, loss, c, tolerance, start):
        if start is not None and len(self.classes_) == 2:
            start = np.concatenate([-start, start], axis=1) / 2
        weights, reached = super()._minimise(space, loss, c, tolerance, start)
        if len(self.classes_) == 2:  # the sign of the difference tells them apart
            weights = weights[:, 1:] - weights[:, :1]
        return weights, reached
