"""`SVMHead`: linear support vector machines, one against the rest."""

import numpy as np

from transfer.heads.base import C_GRID, LinearHead
from transfer.heads.hinge import minimise_hinge
from transfer.heads.losses import SquaredHinge

LOSSES = ("squared_hinge", "hinge")


class SVMHead(LinearHead):
    """Linear support vector machines, one against the rest (paper, sec. 5.3).

    They are those of scikit-learn's `LinearSVC`, of which the paper does not say more
    than "linear SVM". With the scale divided out, as in `LinearHead`, `SVMHead(C)`
    gives raw features the decision values of
    `LinearSVC(C=C / scale_**2, intercept_scaling=scale_)`. Everything else is as in
    `LinearHead`.

    Args:
        C: weight of the loss. `None` (default): chosen from `grid` on a part of the
            training samples, then all are used.
        grid: values of C to choose from.
        tol: largest relative error of the weights.
        validation_fraction: share of each class's training samples, at least one, on
            which C is chosen.
        random_state: whole number that fixes which.
        loss: "squared_hinge" (default), scikit-learn's default, or "hinge", which is
            many times slower to solve.

    Example:
        >>> X = np.array([[0.0, 1], [1, 0], [2, 1], [3, 0]])
        >>> SVMHead(C=10).fit(X, [0, 0, 1, 1]).predict([[0, 0], [3, 1]])
        array([0, 1])
    """

    def __init__(
        self,
        C=None,
        grid=C_GRID,
        tol=1e-4,
        validation_fraction=0.2,
        random_state=0,
        loss="squared_hinge",
    ):
        super().__init__(C, grid, tol, validation_fraction, random_state)
        self.loss = loss

    def _check_parameters(self):
        super()._check_parameters()
        if self.loss not in LOSSES:
            raise ValueError(
                f"`loss` must be one of {list(LOSSES)}. Received: loss={self.loss!r}."
            )

    def _minimise(self, space, known, c, tolerance, start):
        if self.loss == "hinge":
            return minimise_hinge(space, self._targets(known), c, tolerance)
        return super()._minimise(space, known, c, tolerance, start)

    def _targets(self, known):
        if len(self.classes_) == 2:  # the other class is the same with its sign turned
            return np.where(known == 1, 1, -1)[:, None].astype(np.float32)
        one_hot = known[:, None] == np.arange(len(self.classes_))
        return np.where(one_hot, 1, -1).astype(np.float32)

    def _loss(self, known):
        return SquaredHinge(self._targets(known))
