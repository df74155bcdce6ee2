"""What the heads share: scaling, the choice of C, and two ways to the same weights."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from transfer.heads.gram import gram_matrix, weighted_sum
from transfer.heads.newton import minimise
from transfer.heads.spaces import FeatureSpace, SampleSpace
from transfer.metrics import mean_per_class_accuracy

#: Weights of the loss among which C is chosen, for features of unit mean square norm.
C_GRID = (0.01, 0.1, 1.0, 10.0, 100.0)
#: What C is where it cannot be chosen: too few samples to hold any out.
DEFAULT_C = 1.0
# Relative error of the weights while C is being chosen.
_ROUGH = 0.03
# By how much the accuracy must have fallen for no larger C to be tried.
_HOPELESS = 0.01


class LinearHead(ClassifierMixin, BaseEstimator):
    """A linear classifier of features, L2-regularised, its intercept as well.

    It minimises |W|^2 / 2 + C * loss over the scores X W + b, b counted into W.
    Features are divided by one number, the root of their mean square norm over the
    training samples, so that C means the same for every layer. With fewer samples than
    features it is solved on the samples' Gram matrix: the same weights, in less time
    and memory.

    Args:
        C: weight of the loss. `None` (default): chosen from `grid` on a part of the
            training samples, then all are used.
        grid: values of C to choose from.
        tol: largest relative error of the weights.
        validation_fraction: share of each class's training samples, at least one, on
            which C is chosen.
        random_state: whole number that fixes which.

    Attributes:
        classes_: the labels, sorted.
        coef_: float32 (n_features, n_columns), for raw features; missing after
            `fit_gram`.
        intercept_: float32 (n_columns,).
        dual_coef_: float32 (n_samples, n_columns), weights of the training samples;
            after `fit_gram` alone.
        C_: the C that was used.
        n_features_in_: number of features.
    """

    def __init__(
        self,
        C=None,
        grid=C_GRID,
        tol=1e-3,
        validation_fraction=0.2,
        random_state=0,
    ):
        self.C = C
        self.grid = grid
        self.tol = tol
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def fit(self, X, y):
        """Learns from features.

        Args:
            X: (n_samples, n_features), an array or a memory map.
            y: (n_samples,) labels of at least two classes.

        Returns:
            self.

        Raises:
            ValueError: shapes, values or a `C` that do not fit.
        """
        X, y = self._validated(X, y)
        if len(X) < X.shape[1]:
            self.fit_gram(gram_matrix(X), y)
            self.coef_ = self._scale**2 * weighted_sum(X, self.dual_coef_)
            del self.dual_coef_
        else:
            self._fit_features(np.asarray(X, np.float32), y)
        return self

    def fit_gram(self, gram, y):
        """Learns from the inner products of the training samples alone.

        Args:
            gram: (n_samples, n_samples), as `gram_matrix` gives them.
            y: (n_samples,) labels of at least two classes.

        Returns:
            self, which then answers to `decision_function_gram` only.

        Raises:
            ValueError: shapes, labels or a `C` that do not fit.
        """
        gram = np.asarray(gram, np.float32)
        if gram.shape != (len(y), len(y)):
            raise ValueError(
                "`gram` must be square, a row for each label. "
                f"Received: gram.shape={gram.shape}, {len(y)} labels."
            )
        self._set_classes(y)
        norm = float(np.trace(gram, dtype=np.float64)) / len(gram)
        self._scale = 1 / np.sqrt(norm) if norm > 0 else 1.0
        kernel = gram * np.float32(self._scale**2) + np.float32(1)

        def space(rows):
            return SampleSpace(kernel if rows is None else kernel[np.ix_(rows, rows)])

        def scores(rows, others, weights):
            return kernel[np.ix_(others, rows)] @ weights

        self.dual_coef_ = self._solve(space, scores, y)
        self.intercept_ = self.dual_coef_.sum(axis=0)
        return self

    def _fit_features(self, X, y):
        self._set_classes(y)
        norm = float(np.square(X, dtype=np.float64).sum()) / len(X)
        self._scale = 1 / np.sqrt(norm) if norm > 0 else 1.0
        scaled = np.ones((len(X), X.shape[1] + 1), np.float32)
        np.multiply(X, np.float32(self._scale), out=scaled[:, :-1])

        def space(rows):
            return FeatureSpace(scaled if rows is None else scaled[rows])

        def scores(rows, others, weights):
            return scaled[others] @ weights

        weights = self._solve(space, scores, y)
        self.coef_ = np.float32(self._scale) * weights[:-1]
        self.intercept_ = weights[-1]

    def decision_function(self, X):
        """The score of each class, (n_samples, n_classes); of two, (n_samples,)."""
        check_is_fitted(self, "coef_")
        X = validate_data(self, X, reset=False, dtype=[np.float32, np.float64])
        return self._as_decision(X @ self.coef_ + self.intercept_)

    def decision_function_gram(self, cross):
        """The scores of samples known by their inner products.

        Args:
            cross: (n_samples, n_training_samples), inner products of the raw features
                with those of the training samples.
        """
        check_is_fitted(self, "dual_coef_")
        scores = np.float32(self._scale**2) * (cross @ self.dual_coef_)
        return self._as_decision(scores + self.intercept_)

    def predict(self, X):
        """The most likely label of each sample, (n_samples,)."""
        return self._as_labels(self.decision_function(X))

    def predict_gram(self, cross):
        """The same for samples known by their inner products.

        Args:
            cross: as in `decision_function_gram`.
        """
        return self._as_labels(self.decision_function_gram(cross))

    def _as_labels(self, decision):
        if decision.ndim == 1:
            return self.classes_[(decision > 0).astype(int)]
        return self.classes_[decision.argmax(axis=1)]

    def _set_classes(self, y):
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y must hold at least two classes. Received: {len(self.classes_)} "
                "class."
            )

    def _validated(self, X, y):
        if self.C is not None and not self.C > 0:
            raise ValueError(f"`C` must be above 0. Received: C={self.C!r}.")
        # A memory map stays on the disk: it is read, and checked, block by block.
        if isinstance(X, np.memmap):
            self.n_features_in_ = X.shape[1]
            return X, np.asarray(y)
        return validate_data(self, X, y, dtype=[np.float64, np.float32, np.float16])

    def _solve(self, space, scores, y):
        """Weights for all samples, after C has been chosen if need be."""
        known = np.searchsorted(self.classes_, y)
        self.C_ = self.C if self.C is not None else self._choose(space, scores, known)
        weights, _, _ = minimise(space(None), self._loss(known), self.C_, self.tol)
        return weights

    def _choose(self, space, scores, known) -> float:
        """The C of the highest mean per-class accuracy on samples held out for it."""
        rows, others = self._held_out(known)
        if not len(others) or len(np.unique(known[rows])) < len(self.classes_):
            return DEFAULT_C
        part, weights, accuracies = space(rows), None, []
        for c in sorted(self.grid):
            loss = self._loss(known[rows])
            weights, _, _ = minimise(part, loss, c, _ROUGH, start=weights)
            decision = self._as_decision(scores(rows, others, weights))
            answers = np.searchsorted(self.classes_, self._as_labels(decision))
            accuracies.append(mean_per_class_accuracy(known[others], answers))
            if accuracies[-1] < max(accuracies) - _HOPELESS:
                break  # large C take longest, and it only falls from here
        return float(sorted(self.grid)[int(np.argmax(accuracies))])

    def _held_out(self, known):
        """(rows to learn from, rows to choose on), some of every class with two."""
        random = np.random.default_rng(self.random_state)
        order = random.permutation(len(known))
        order = order[np.argsort(known[order], kind="stable")]
        _, first, counts = np.unique(
            known[order], return_index=True, return_counts=True
        )
        rank = np.arange(len(order)) - np.repeat(first, counts)
        share = np.maximum(1, np.round(self.validation_fraction * counts))
        share = np.where(counts > 1, share, 0)
        out = rank < np.repeat(share, counts)
        return np.sort(order[~out]), np.sort(order[out])

    def _loss(self, known):
        raise NotImplementedError

    def _as_decision(self, scores):
        raise NotImplementedError
