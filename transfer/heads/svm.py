"""`SVMHead`: linear support vector machines, one against the rest."""

import numpy as np

from transfer.heads.base import LinearHead
from transfer.heads.losses import SquaredHinge


class SVMHead(LinearHead):
    """Linear support vector machines, one against the rest (paper, sec. 5.3).

    The loss is the squared hinge of scikit-learn's `LinearSVC`, whose decision values
    it reproduces; the paper says only "linear SVM". Everything else is as in
    `LinearHead`.

    Example:
        >>> X = np.array([[0.0, 1], [1, 0], [2, 1], [3, 0]])
        >>> SVMHead(C=10).fit(X, [0, 0, 1, 1]).predict([[0, 0], [3, 1]])
        array([0, 1])
    """

    def _loss(self, known):
        if len(self.classes_) == 2:  # the other class is the same with its sign turned
            return SquaredHinge(np.where(known == 1, 1, -1)[:, None].astype(np.float32))
        one_hot = known[:, None] == np.arange(len(self.classes_))
        return SquaredHinge(np.where(one_hot, 1, -1).astype(np.float32))

    def _as_decision(self, scores):
        return scores[:, 0] if len(self.classes_) == 2 else scores
