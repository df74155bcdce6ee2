"""`SVMHead`: linear support vector machines, one against the rest."""

import numpy as np

from transfer.heads.base import LinearHead
from transfer.heads.solver.losses import SquaredHinge


class SVMHead(LinearHead):
    """Linear support vector machines, one against the rest (paper, sec. 5.3).

    The paper says no more than "linear SVM"; these are scikit-learn's `LinearSVC`. With
    the scale divided out, as in `LinearHead`, `SVMHead(C)` gives raw features the
    decision values of
    `LinearSVC(C=C / scale_**2, intercept_scaling=scale_)`. Everything else is as in
    `LinearHead`.

    Example:
        >>> X = np.array([[0.0, 1], [1, 0], [2, 1], [3, 0]])
        >>> SVMHead(C=10).fit(X, [0, 0, 1, 1]).predict([[0, 0], [3, 1]])
        array([0, 1])
    """

    def _targets(self, known):
        if len(self.classes_) == 2:  # the other class has the opposite score
            return np.where(known == 1, 1, -1)[:, None].astype(np.float32)
        one_hot = known[:, None] == np.arange(len(self.classes_))
        return np.where(one_hot, 1, -1).astype(np.float32)

    def _loss(self, known, sample_weight):
        return SquaredHinge(self._targets(known) * np.sqrt(sample_weight)[:, None])
