"""The base of the heads: scales features, chooses C, finds weights in two ways."""

import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from transfer.heads.parameters import check_parameters, checked_weight
from transfer.heads.selection import ENOUGH, divisions
from transfer.heads.solver.gram import check_finite, gram_matrix, weighted_sum
from transfer.heads.solver.newton import minimise
from transfer.heads.solver.parallel import blas_on_one_core, product
from transfer.heads.solver.spaces import FeatureSpace, SampleSpace
from transfer.protocols.accuracy import mean_per_class_accuracy

#: The values among which C is chosen, for features of unit mean square norm.
C_GRID = (0.01, 0.1, 1.0, 10.0, 100.0)
#: The C of too few samples to hold any out.
DEFAULT_C = 1.0
#: Relative error of the weights while C is being chosen.
ROUGH = 0.03
_FLOATS = [np.float64, np.float32, np.float16]
# No larger C is tried once the accuracy has fallen by more than this.
_HOPELESS = 0.01


class LinearHead(ClassifierMixin, BaseEstimator):
    """A linear classifier of features, L2-regularised, its intercept as well.

    It minimises `|W|^2 / 2 + C * loss` over the scores X W + b, b counted into W.
    Features are divided by one number, the root of their mean square norm over the
    training samples, so that C means the same for every layer; weights are given for
    raw features. With fewer samples than features it is solved on the samples' Gram
    matrix: the same weights, in less time and memory. Products are float32.

    Args:
        C: weight of the loss. `None` (default): chosen from `grid` on a part of the
            training samples, then all are used.
        grid: values of C to choose from; by default 0.01, 0.1, 1, 10 and 100.
        tol: largest relative error of the weights.
        validation_fraction: share of each class's training samples, at least one, on
            which C is chosen by mean per-class accuracy. If that is under 500 samples,
            or a class has under 10, in up to five divisions instead, so that each
            sample is held out once; unless two classes have two samples, C is 1.
        random_state: whole number that decides which samples these are. `None`: other
            samples each time.

    Attributes:
        classes_: the labels, sorted.
        coef_: float32 (n_classes, n_features), for raw features; (1, n_features) of
            two classes. Missing after `fit_gram` until `weigh_features`.
        intercept_: float32 (n_classes,), or (1,).
        dual_coef_: float32 (n_classes, n_samples), or (1, n_samples): weights of the
            training samples; after `fit_gram` alone.
        C_: the C that was used.
        scale_: what features are divided by.
        n_features_in_: number of features.
    """

    def __init__(
        self,
        C=None,
        grid=C_GRID,
        tol=1e-4,
        validation_fraction=0.2,
        random_state=0,
    ):
        self.C = C
        self.grid = grid
        self.tol = tol
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Learns from features.

        Args:
            X: (n_samples, n_features), an array or a memory map.
            y: (n_samples,) labels of at least two classes.
            sample_weight: (n_samples,), numbers from 0: how often each sample counts in
                the loss and in the scale of features. `None` (default): once each. The
                samples on which C is chosen count once each.

        Returns:
            self.

        Raises:
            ValueError: shapes, values or settings that do not fit.
            RunError: features so large that their squares overflow, or those of a
                memory map that are not finite.
        """
        X, y = self._validated(X, y)
        self._set_classes(y)
        weight = checked_weight(sample_weight, len(y))
        if len(X) < X.shape[1]:
            space = SampleSpace.of_samples(gram_matrix(X), weight)
            self.dual_coef_ = self._solve(space, y, weight)
            self.weigh_features(X)
        else:
            space = FeatureSpace.of_samples(X, weight)
            self.coef_ = self._solve(space, y, weight)
        self._forget("dual_coef_")
        return self

    def fit_gram(self, gram, y):
        """Learns from the inner products of the training samples alone.

        Args:
            gram: (n_samples, n_samples), as `gram_matrix` gives them.
            y: (n_samples,) labels of at least two classes.

        Returns:
            self. Then the methods that end in `_gram` work; the others need
            `weigh_features` first.

        Raises:
            ValueError: shapes, labels or settings that do not fit.
            RunError: an inner product of a sample with itself that is not finite.
        """
        gram = np.asarray(gram, np.float32)
        if gram.shape != (len(y), len(y)):
            raise ValueError(
                "`gram` must be square, a row for each label. "
                f"Received: gram.shape={gram.shape}, {len(y)} labels."
            )
        check_parameters(self)
        self._set_classes(y)
        weight = checked_weight(None, len(y))
        self.dual_coef_ = self._solve(SampleSpace.of_samples(gram), y, weight)
        self._forget("coef_", "n_features_in_", "feature_names_in_")
        return self

    def weigh_features(self, X, rows=None):
        """Makes `coef_`, a weight per feature, of the weights per training sample.

        X is read in blocks.

        Args:
            X: (n_samples, n_features), the features whose inner products `fit_gram`
                was given, in the same order.
            rows: which rows of X are these samples. `None` (default): all of them.

        Returns:
            self.

        Raises:
            ValueError: X does not have a row for each training sample.
        """
        check_is_fitted(self, "dual_coef_")
        given = len(X) if rows is None else len(rows)
        if X.ndim != 2 or given != self.dual_coef_.shape[1]:
            raise ValueError(
                f"`X` must have {self.dual_coef_.shape[1]} rows, as `fit_gram` was "
                f"given. Received: X.shape={X.shape}."
            )
        self.n_features_in_ = X.shape[1]
        weights = self.dual_coef_.T / np.float32(self.scale_**2)
        self.coef_ = weighted_sum(X, weights, rows).T
        return self

    def decision_function(self, X):
        """Returns scores, (n_samples, n_classes); of two classes (n_samples,).

        Args:
            X: (n_samples, n_features), an array or a memory map.

        Raises:
            ValueError: shapes or values that do not fit.
            RunError: a memory map with features that are not finite.
        """
        check_is_fitted(self, "coef_")
        # A memory map stays on the disk, as in `fit`.
        if not isinstance(X, np.memmap) or X.shape[1:] != (self.n_features_in_,):
            X = validate_data(self, X, reset=False, dtype=_FLOATS)
        exact = np.result_type(X.dtype, np.float32)
        with blas_on_one_core():
            scores = product(X, self.coef_.T.astype(exact, copy=False))
        check_finite(scores)
        return _as_decision(scores + self.intercept_)

    def decision_function_gram(self, cross):
        """Returns the scores of samples known by their inner products.

        Args:
            cross: (n_samples, n_training_samples), inner products of the raw features
                with those of the training samples.
        """
        check_is_fitted(self, "dual_coef_")
        scores = (cross @ self.dual_coef_.T) / np.float32(self.scale_**2)
        return _as_decision(scores + self.intercept_)

    def predict(self, X):
        """Returns the most likely label of each sample, (n_samples,)."""
        return self._as_labels(self.decision_function(X))

    def predict_gram(self, cross):
        """Returns the most likely labels of samples known by their inner products.

        Args:
            cross: as in `decision_function_gram`.
        """
        return self._as_labels(self.decision_function_gram(cross))

    def _as_labels(self, decision):
        return self.classes_[_as_places(decision.reshape(len(decision), -1))]

    def _set_classes(self, y):
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y must hold at least two classes. Received: {len(self.classes_)} "
                "class."
            )

    def _validated(self, X, y):
        check_parameters(self)
        # A memory map stays on the disk: it is read, and checked, block by block.
        if not isinstance(X, np.memmap):
            return validate_data(self, X, y, dtype=_FLOATS)
        y = np.asarray(y)
        if X.ndim != 2 or y.shape != (len(X),):
            raise ValueError(
                "`X` must be (n_samples, n_features), and `y` (n_samples,). "
                f"Received: X.shape={X.shape}, y.shape={y.shape}."
            )
        self.n_features_in_ = X.shape[1]
        return X, y

    def _forget(self, *learnt):
        """Removes attributes of an earlier `fit` that this one does not set."""
        for name in learnt:
            vars(self).pop(name, None)

    def _solve(self, space, y, sample_weight):
        """Sets all but the weights, which it returns; chooses C first if need be."""
        known = np.searchsorted(self.classes_, y)
        self.scale_ = space.scale
        self.C_, start = self.C, None
        if self.C is None:
            self.C_, start = self._choose(space, known, sample_weight)
        loss = self._loss(known, sample_weight)
        weights, reached = self._minimise(space, loss, self.C_, self.tol, start)
        if not reached:
            warnings.warn(
                f"the weights may be less exact than tol={self.tol}; a smaller C, or "
                "a larger tol, would do.",
                ConvergenceWarning,
                stacklevel=3,
            )
        weights, self.intercept_ = space.raw(weights)
        return weights.T

    def _choose(self, space, known, sample_weight):
        """Returns the C of the highest mean per-class accuracy on samples held out.

        Also returns the weights that most of the samples gave with it, as a start.
        """
        parts = divisions(known, self.validation_fraction, self.random_state)
        if not parts:
            return DEFAULT_C, None
        spaces = [space.part(rows) for rows, _ in parts]
        losses = [self._loss(known[rows], sample_weight[rows]) for rows, _ in parts]
        weights, accuracies = [None] * len(parts), []
        right = np.concatenate([known[others] for _, others in parts])
        for c in sorted(self.grid):
            answers = []
            for k, (rows, others) in enumerate(parts):
                weights[k], _ = self._minimise(
                    spaces[k], losses[k], c, ROUGH, weights[k]
                )
                answers.append(_as_places(space.scores_of(others, rows, weights[k])))
            answers = np.concatenate(answers)
            accuracies.append(mean_per_class_accuracy(right, answers))
            if accuracies[-1] > max(accuracies[:-1], default=-1):
                best, start = c, space.widened(parts[0][0], weights[0])
            has_fallen = accuracies[-1] < max(accuracies) - _HOPELESS
            if has_fallen and len(right) >= ENOUGH:  # of few it may be chance
                break  # large C take longest, and it only falls from here
        return float(best), start

    def _minimise(self, space, loss, c, tolerance, start):
        """Returns weights (space.size, n_columns), and whether they are exact."""
        weights, _, reached = minimise(space, loss, c, tolerance, start)
        return weights, reached

    def _loss(self, known, sample_weight):
        raise NotImplementedError


def _as_decision(scores):
    """Returns scores (n_samples, n_columns) as scikit-learn does: 1-D if one column."""
    return scores[:, 0] if scores.shape[1] == 1 else scores


def _as_places(scores):
    """Returns the place of the likeliest class, by scores (n_samples, n_columns)."""
    return (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(1)
