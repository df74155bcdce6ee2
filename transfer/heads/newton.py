"""Minimises |W|^2 / 2 + C * loss(scores of W), for all columns in the same products.

Newton's method, its linear systems solved by conjugate gradients, in float32 matrix
products: one a step among samples, two among features. It knows nothing of classes.
"""

import numpy as np

# Newton steps and, within each, conjugate gradient steps after which it gives up.
MAX_STEPS = 60
MAX_INNER_STEPS = 200
_HALVINGS = 30


def minimise(space, loss, c: float, tolerance: float = 1e-4, start=None):
    """Finds the weights of a head.

    Args:
        space: a `FeatureSpace` or `SampleSpace`.
        loss: a `SquaredHinge` or `Multinomial`.
        c: weight of the loss, above 0.
        tolerance: largest relative error of the weights. The objective is as convex as
            |W|^2 / 2, so their distance to the best ones is at most the gradient's
            norm, and that is what is held to this share of the weights' norm.
        start: weights to begin with. `None` (default): zero.

    Returns:
        Weights (space.size, n_columns), their scores (n_samples, n_columns), and
        whether the tolerance was reached.
    """
    targets = loss.targets
    weights = np.zeros((space.size, targets.shape[1]), targets.dtype)
    scores = np.zeros_like(targets)
    if start is not None:
        weights = start.copy()
        scores = space.scores(weights)
    for _ in range(MAX_STEPS):
        gradient = weights + c * space.pull(loss.gradient(scores))
        gradient_scores = space.scores(gradient)
        size = np.sqrt(_sum(loss, space.inner(gradient, gradient, gradient_scores)))
        length = np.sqrt(_sum(loss, space.inner(weights, weights, scores)))
        if np.all(size <= tolerance * length):
            return weights, scores, True
        # No more exact than is worth it, so far from the end.
        inner_goal = np.maximum(0.05 * size, 0.3 * tolerance * length)
        step, step_scores = _newton_step(
            space, loss, c, scores, (gradient, gradient_scores), inner_goal
        )
        length = _line_search(space, loss, c, (weights, scores), (step, step_scores))
        if not np.any(length):
            return weights, scores, False  # float32 holds no better weights
        weights += length * step
        scores += length * step_scores
    return weights, scores, False


def _newton_step(space, loss, c, scores, gradient, goal):
    """Solves (1 + C H) step = -gradient by conjugate gradients; with its scores."""
    curvature = loss.curvature(scores)
    residual, residual_scores = -gradient[0], -gradient[1]
    step, step_scores = np.zeros_like(residual), np.zeros_like(residual_scores)
    direction, direction_scores = residual.copy(), residual_scores.copy()
    power = _sum(loss, space.inner(residual, residual, residual_scores))
    for _ in range(MAX_INNER_STEPS):
        active = np.sqrt(power) > goal
        if not active.any():
            break
        pushed = curvature(direction_scores)
        bend = _sum(loss, space.inner(direction, direction, direction_scores))
        bend = bend + c * _sum(loss, np.einsum("ij,ij->j", direction_scores, pushed))
        length = np.where(active & (bend > 0), power / np.maximum(bend, 1e-30), 0)
        length = length.astype(step.dtype)
        step += length * direction
        step_scores += length * direction_scores
        residual = residual - length * (direction + c * space.pull(pushed))
        residual_scores = space.scores(residual)
        before, power = (
            power,
            _sum(loss, space.inner(residual, residual, residual_scores)),
        )
        ratio = np.where(active, power / np.maximum(before, 1e-30), 0)
        ratio = ratio.astype(step.dtype)
        direction = residual + ratio * direction
        direction_scores = residual_scores + ratio * direction_scores
    return step, step_scores


def _line_search(space, loss, c, at, step):
    """The first of 1, 1/2, 1/4, ... that lowers each problem's objective enough."""
    (weights, scores), (step, step_scores) = at, step
    square = space.inner(weights, weights, scores)
    cross = space.inner(weights, step, step_scores)
    step_square = space.inner(step, step, step_scores)
    pull = np.einsum("ij,ij->j", loss.gradient(scores), step_scores)
    slope = _sum(loss, cross + c * pull)
    now = _sum(loss, square) / 2 + c * loss.value(scores)
    length = np.ones_like(slope)
    for _ in range(_HALVINGS):
        moved = square + 2 * length * cross + length**2 * step_square
        trial = (scores + length * step_scores).astype(scores.dtype)
        value = _sum(loss, moved) / 2 + c * loss.value(trial)
        # What rounding moves the objective by is no reason to halve.
        worse = value > now + 1e-4 * length * slope + 1e-6 * np.abs(now)
        if not worse.any():
            break
        length = np.where(worse, length / 2, length)
    length = np.where(worse | (slope >= 0), 0, length)
    return length.astype(scores.dtype)


def _sum(loss, values):
    """One number a problem: a column's own, or that of all columns together."""
    if loss.is_separable:
        return values
    return values.sum(keepdims=True)
