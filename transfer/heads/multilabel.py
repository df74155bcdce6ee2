"""`MultiLabelSVM`: one support vector machine per class, for images of several."""

import numpy as np

from transfer.heads.base import C_GRID, DEFAULT_C, ROUGH
from transfer.heads.solver.gram import gram_matrix, weighted_sum
from transfer.heads.solver.losses import SquaredHinge
from transfer.heads.solver.newton import minimise
from transfer.heads.solver.spaces import FeatureSpace, SampleSpace
from transfer.protocols.average_precision import average_precisions


class MultiLabelSVM:
    """One binary linear SVM per class; images marked difficult are ignored.

    Scaling, regularisation and loss are those of `SVMHead`. All classes have the same
    C: too few images show a class to choose one for it alone. It is no scikit-learn
    estimator, because those have no target 0 for difficult images.

    Shapes: `coef_` float32 (n_features, n_classes), `dual_coef_` float32 (n_samples,
    n_classes), `intercept_` float32 (n_classes,).
    """

    def __init__(
        self,
        C=None,
        grid=C_GRID,
        tol=1e-3,
        n_divisions=3,
        random_state=0,
    ):
        self.C = C
        self.grid = grid
        self.tol = tol
        self.n_divisions = n_divisions
        self.random_state = random_state

    def fit(self, X: np.ndarray, targets: np.ndarray) -> "MultiLabelSVM":
        """Learns from features.

        Shapes: `X` (n_samples, n_features), `targets` (n_samples, n_classes).
        """
        if len(X) < X.shape[1]:
            self.fit_gram(gram_matrix(X), targets)
            self.coef_ = self._factor * weighted_sum(X, self.dual_coef_)
            del self.dual_coef_
            return self
        targets = _validated(targets, len(X))
        self.coef_, self.intercept_ = self._solve(FeatureSpace.of_samples(X), targets)
        return self

    def fit_gram(self, gram: np.ndarray, targets: np.ndarray) -> "MultiLabelSVM":
        """Learns from the inner products of the training images alone.

        Shapes: `gram` (n_samples, n_samples).
        """
        targets = _validated(targets, len(gram))
        space = SampleSpace.of_samples(gram)
        self._factor = np.float32(space.scale**-2)
        self.dual_coef_, self.intercept_ = self._solve(space, targets)
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Returns the score of each class, float32 (n_samples, n_classes).

        Shapes: `X` (n_samples, n_features).
        """
        return np.asarray(X, np.float32) @ self.coef_ + self.intercept_

    def decision_function_gram(self, cross: np.ndarray) -> np.ndarray:
        """Returns the scores of images known by their inner products.

        Shapes: `cross` (n_images, n_samples).
        """
        return self._factor * (cross @ self.dual_coef_) + self.intercept_

    def _solve(self, space, targets):
        """Returns raw weights and intercept of every class; chooses C if need be."""
        self.C_ = self.C if self.C is not None else self._choose(space, targets)
        weights, _, _ = minimise(space, SquaredHinge(targets), self.C_, self.tol)
        return space.raw(weights)

    def _choose(self, space, targets) -> float:
        """Returns the C of the highest mean average precision on images held out."""
        n_samples = len(targets)
        if n_samples < self.n_divisions:
            return DEFAULT_C
        order = np.random.default_rng(self.random_state).permutation(n_samples)
        outs = [np.sort(order[k :: self.n_divisions]) for k in range(self.n_divisions)]
        rests = [np.setdiff1d(order, out) for out in outs]
        spaces, weights = [*map(space.part, rests)], [None] * len(rests)
        found, precisions = np.empty(targets.shape, np.float32), []
        for c in sorted(self.grid):
            for k, (rest, out) in enumerate(zip(rests, outs, strict=True)):
                loss = SquaredHinge(targets[rest])
                weights[k], _, _ = minimise(spaces[k], loss, c, ROUGH, weights[k])
                found[out] = space.scores_of(out, rest, weights[k])
            precisions.append(_mean_precision(targets, found))
        return float(sorted(self.grid)[int(np.argmax(precisions))])


def _validated(targets, n_samples) -> np.ndarray:
    targets = np.asarray(targets, np.float32)
    if targets.ndim != 2 or len(targets) != n_samples:
        raise ValueError(
            "`targets` must be (n_samples, n_classes). "
            f"Received: targets.shape={targets.shape}, {n_samples} samples."
        )
    if not np.isin(targets, (-1, 0, 1)).all():
        raise ValueError("`targets` must be -1, 0 or 1.")
    return targets


def _mean_precision(targets, scores) -> float:
    """Averages over the classes that at least one image shows; 0 if none does."""
    values = average_precisions(targets, scores)["step"]
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else 0.0
