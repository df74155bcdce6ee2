"""Minimises |W|^2 / 2 + C * loss(scores of W), for all columns in the same products.

Newton's method runs in float64, or in float32 for a rough answer. Conjugate gradients
solve its linear systems by float32 matrix products: one per step among samples, two
among features. Once few samples of a column have a squared hinge loss, the column's
system is small and is solved exactly instead. Columns that are problems of their own
leave once they are exact enough.
"""

import numpy as np

from transfer.heads.solver.deflation import RANK, Deflation
from transfer.heads.solver.parallel import blas_on_one_core, in_parallel

# Largest numbers of Newton steps and of conjugate gradient steps within each.
MAX_STEPS = 60
MAX_INNER_STEPS = 200
_HALVINGS = 30
# Conjugate gradient steps that a Newton step usually takes.
_USUAL_INNER_STEPS = 15
# Tolerance from which float32 is exact enough.
_ROUGH = 0.01


def minimise(space, loss, c: float, tolerance: float = 1e-4, start=None):
    """Finds the weights of a head.

    Shapes: result (n_samples, n_columns).
    """
    with blas_on_one_core():
        return _minimise(space, loss, c, tolerance, start)


def _minimise(space, loss, c, tolerance, start):
    dtype = np.float32 if tolerance >= _ROUGH else np.float64
    weights = np.zeros((space.size, loss.targets.shape[1]), dtype)
    scores = np.zeros(loss.targets.shape, dtype)
    if start is not None:
        weights += start
        scores = space.scores(weights)
    deflation = None
    if not loss.is_separable and space.size > RANK:
        deflation = Deflation(space)
    found, found_scores, reached = weights, scores, True
    still = np.arange(weights.shape[1])  # the columns at work
    stuck = np.zeros(weights.shape[1] if loss.is_separable else 1, bool)
    for _ in range(MAX_STEPS):
        gradient = weights + c * space.pull(loss.gradient(scores))
        gradient_scores = space.scores(gradient)
        size = _norm(loss, space, gradient, gradient_scores)
        wanted = tolerance * _norm(loss, space, weights, scores)
        far = size > wanted
        reached &= not (far & stuck).any()
        far &= ~stuck
        if not far.any():
            break
        if not far.all():
            found[:, still], found_scores[:, still] = weights, scores
            still, loss = still[far], loss.of_columns(far)
            size, wanted = size[far], wanted[far]
            weights, scores, gradient, gradient_scores = (
                part[:, far] for part in (weights, scores, gradient, gradient_scores)
            )
        exactly = _is_small(space, loss, scores)
        if exactly:
            step = _exact_step(space, loss, c, weights, scores)
        else:
            # Far from the end, a rough step is enough.
            goal = np.maximum(0.05 * size, 0.3 * wanted)
            step = _newton_step(
                space, loss, c, scores, (gradient, gradient_scores), goal, deflation
            )
        step_scores = space.scores(step)
        length, gains = _line_search(
            space, loss, c, (weights, scores), (step, step_scores)
        )
        # Rounding hides any better weights.
        stuck = (length == 0) | (exactly & ~gains)
        weights, scores = weights + length * step, scores + length * step_scores
    else:
        reached = False
    found[:, still], found_scores[:, still] = weights, scores
    return found, found_scores, bool(reached)


def _is_small(space, loss, scores) -> bool:
    """Whether the exact step costs less than conjugate gradients."""
    if not loss.is_separable:
        return False
    exact = space.ridge_cost(loss.counted(scores).sum(axis=0))
    return exact < _USUAL_INNER_STEPS * space.product_cost(scores.shape[1])


def _exact_step(space, loss, c, weights, scores):
    """Computes the step to the minimum of the samples that have a loss now."""
    counted, step = loss.counted(scores), np.zeros_like(weights)

    def solve(column):
        rows = np.flatnonzero(counted[:, column])
        best = space.ridge(rows, loss.targets[rows, column], c)
        step[:, column] = best - weights[:, column]

    in_parallel(solve, range(step.shape[1]))
    return step


def _newton_step(space, loss, c, scores, gradient, goal, deflation):
    """Solves (1 + C H) step = -gradient by conjugate gradients."""
    dtype, scores = scores.dtype, scores.astype(np.float32)
    curvature = loss.curvature(scores)
    mean_curvature = c * loss.mean_curvature(scores)

    def conditioned(vectors, their_scores):
        if deflation is None:
            return vectors, their_scores
        return deflation.solve(vectors, their_scores, mean_curvature)

    residual, residual_scores = (-part.astype(np.float32) for part in gradient)
    step = np.zeros_like(residual)
    direction, direction_scores = conditioned(residual, residual_scores)
    power = _sum(loss, space.inner(residual, direction, direction_scores))
    for _ in range(MAX_INNER_STEPS):
        active = _norm(loss, space, residual, residual_scores) > goal
        if not active.any():
            break
        pushed = curvature(direction_scores)
        bend = _sum(loss, space.inner(direction, direction, direction_scores))
        bend = bend + c * _sum(loss, np.einsum("ij,ij->j", direction_scores, pushed))
        length = np.where(active & (bend > 0), power / np.maximum(bend, 1e-30), 0)
        length = length.astype(np.float32)
        step += length * direction
        residual = residual - length * (direction + c * space.pull(pushed))
        residual_scores = space.scores(residual)
        new, new_scores = conditioned(residual, residual_scores)
        before, power = power, _sum(loss, space.inner(residual, new, new_scores))
        ratio = np.where(active, power / np.maximum(before, 1e-30), 0)
        ratio = ratio.astype(np.float32)
        direction = new + ratio * direction
        direction_scores = new_scores + ratio * direction_scores
    return step.astype(dtype)


def _line_search(space, loss, c, at, step):
    """Returns the first of 1, 1/2, 1/4, ... that lowers each objective enough.

    Also returns whether it lowers it by more than rounding does.
    """
    (weights, scores), (step, step_scores) = at, step
    square = space.inner(weights, weights, scores)
    cross = space.inner(weights, step, step_scores)
    step_square = space.inner(step, step, step_scores)
    pull = np.einsum("ij,ij->j", loss.gradient(scores), step_scores)
    slope = _sum(loss, cross + c * pull)
    now = _sum(loss, square) / 2 + c * loss.value(scores)
    slack = 10 * np.finfo(scores.dtype).eps * np.abs(now)
    length = np.ones_like(slope)
    for _ in range(_HALVINGS):
        moved = square + 2 * length * cross + length**2 * step_square
        trial = (scores + length * step_scores).astype(scores.dtype)
        value = _sum(loss, moved) / 2 + c * loss.value(trial)
        # A change of the size of rounding is no reason to halve.
        worse = value > now + 1e-4 * length * slope + slack
        if not worse.any():
            break
        length = np.where(worse, length / 2, length)
    length = np.where(worse | (slope >= 0), 0, length)
    return length.astype(scores.dtype), now - value > slack


def _norm(loss, space, vectors, scores):
    """Returns the norm of weights in feature space for each problem."""
    return np.sqrt(np.maximum(_sum(loss, space.inner(vectors, vectors, scores)), 0))


def _sum(loss, values):
    """Returns one number for each problem: of a column, or of all columns together."""
    if loss.is_separable:
        return values
    return values.sum(keepdims=True)
