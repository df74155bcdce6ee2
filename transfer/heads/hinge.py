"""The hinge that is not squared: liblinear, on coordinates instead of features."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

_MAX_STEPS = 100_000


def minimise_hinge(space, targets: np.ndarray, c: float, tolerance: float):
    """The minimum of |w|^2 / 2 + c * (sum of max(0, 1 - y f)) for each column.

    It has corners, so that Newton's method does not apply; liblinear takes the columns
    one after the other. With fewer samples than features it works on as many
    coordinates as there are samples, which have the same inner products.

    Args:
        space: a `FeatureSpace` or `SampleSpace`.
        targets: (n_samples, n_columns) of 1 and -1.
        c: above 0.
        tolerance: liblinear's, on the gradient of the dual problem.

    Returns:
        float64 (space.size, n_columns), and whether the tolerance was reached.
    """
    points, back = space.coordinates
    points = np.ascontiguousarray(points, np.float64)
    weights = np.empty((points.shape[1], targets.shape[1]))
    machine = LinearSVC(
        C=c,
        loss="hinge",
        fit_intercept=False,
        tol=tolerance,
        max_iter=_MAX_STEPS,
        random_state=0,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        for column, target in enumerate(targets.T):
            weights[:, column] = machine.fit(points, target).coef_[0]
    return back(weights), not caught
