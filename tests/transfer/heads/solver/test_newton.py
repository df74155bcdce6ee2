"""The solver against SciPy's minimiser."""

import functools

import numpy as np
import pytest
from scipy.optimize import minimize

from transfer.heads.solver import newton
from transfer.heads.solver.losses import Multinomial, SquaredHinge
from transfer.heads.solver.newton import minimise
from transfer.heads.solver.spaces import FeatureSpace, SampleSpace

KINDS = pytest.mark.parametrize("kind", [SquaredHinge, Multinomial])


def problem(kind, n_samples=150, n_features=40):
    random = np.random.default_rng(0)
    labels = np.arange(n_samples) % 3
    X = random.normal(size=(n_samples, n_features)) + 3  # one strong direction
    X = np.float32((X + np.eye(n_features)[labels]) / np.sqrt(10 * n_features))
    one_hot = labels[:, None] == np.arange(3)
    if kind is SquaredHinge:
        targets = np.where(one_hot, 1, -1).astype(np.float32)
        targets[::7, 1] = 0  # difficult images
        return X, kind(targets)
    return X, kind(one_hot.astype(np.float32))


@functools.cache
def by_scipy(kind, C):
    """Minimises the definition, in plain NumPy, of all columns together."""
    X, loss = problem(kind)
    X, Y = X.astype(np.float64), loss.targets.astype(np.float64)

    def objective(flat):
        W = flat.reshape(X.shape[1], 3)
        F = X @ W
        if kind is SquaredHinge:
            short = np.where(Y == 0, 0, np.maximum(0, 1 - Y * F))
            value, slope = (short**2).sum(), -2 * Y * short
        else:
            shares = np.exp(F) / np.exp(F).sum(axis=1, keepdims=True)
            value, slope = -np.log(shares[Y > 0]).sum(), shares - Y
        return (W**2).sum() / 2 + C * value, (W + C * X.T @ slope).ravel()

    options = {"maxiter": 100_000, "maxfun": 100_000, "gtol": 1e-9, "ftol": 1e-16}
    start = np.zeros(3 * X.shape[1])
    found = minimize(objective, start, method="L-BFGS-B", jac=True, options=options)
    return found.x.reshape(-1, 3)


@KINDS
@pytest.mark.parametrize("C", [0.1, 30])
@pytest.mark.parametrize("usual_steps", [0, 1e9])  # never an exact step, and always
@pytest.mark.parametrize("rank", [5, 1000])  # with and without a preconditioner
def test_the_minimum_is_scipys(kind, C, usual_steps, rank, monkeypatch):
    monkeypatch.setattr(newton, "_USUAL_INNER_STEPS", usual_steps)
    monkeypatch.setattr(newton, "RANK", rank)
    X, loss = problem(kind)
    best = by_scipy(kind, C)
    length = np.linalg.norm(best)
    weights, scores, reached = minimise(FeatureSpace(X), loss, C, 1e-4)
    assert reached and np.linalg.norm(weights - best) < 2e-4 * length
    np.testing.assert_allclose(scores, X @ weights, rtol=1e-5, atol=1e-5)
    shares, scores, reached = minimise(SampleSpace(X @ X.T), loss, C, 1e-4)
    assert reached and np.linalg.norm(X.T @ shares - best) < 2e-4 * length
    np.testing.assert_allclose(scores, X @ (X.T @ shares), rtol=1e-4, atol=1e-4)


@KINDS
@pytest.mark.parametrize("tolerance", [1e-1, 1e-3, 1e-5])
def test_weights_are_as_exact_as_asked_for_from_any_start(kind, tolerance):
    X, loss = problem(kind)
    best = by_scipy(kind, 10)
    start, _, _ = minimise(FeatureSpace(X), loss, 1, 0.03)
    before = start.copy()
    for more in ({}, {"start": start}):
        weights, _, reached = minimise(FeatureSpace(X), loss, 10, tolerance, **more)
        assert reached
        # The bound holds for each column of its own, or for all of one problem.
        axis = 0 if loss.is_separable else None
        error = np.linalg.norm(weights - best, axis=axis)
        length = np.linalg.norm(weights, axis=axis)
        assert np.all(error <= 1.05 * tolerance * length + 1e-6)
    np.testing.assert_array_equal(start, before)


@pytest.mark.parametrize("n_rows", [10, 100])  # fewer than features, and more
def test_ridge_solves_the_normal_equations(n_rows):
    X, _ = problem(SquaredHinge)
    rows = np.arange(n_rows) + 3
    targets = np.where(rows % 3 == 0, 1.0, -1.0)
    part = X[rows].astype(np.float64)
    expected = np.linalg.solve(part.T @ part + np.eye(40) / (2 * 5), part.T @ targets)
    found = FeatureSpace(X).ridge(rows, targets, 5)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
    shares = SampleSpace(X @ X.T).ridge(rows, targets, 5)
    np.testing.assert_allclose(X.T @ shares, expected, rtol=1e-3, atol=1e-4)


def test_samples_that_are_all_zero_have_no_weights():
    loss = SquaredHinge(np.float32([[1, -1], [-1, 1]]))
    weights, scores, reached = minimise(SampleSpace(np.zeros((2, 2), "f4")), loss, 1)
    assert reached and not scores.any() and np.isfinite(weights).all()
