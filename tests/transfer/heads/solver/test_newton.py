"""The solver against SciPy, its own promises, and the ways through it."""

import functools

import numpy as np
import pytest
from scipy.optimize import minimize

from transfer.heads.solver import newton
from transfer.heads.solver.losses import Multinomial, SquaredHinge
from transfer.heads.solver.newton import minimise
from transfer.heads.solver.spaces import FeatureSpace, SampleSpace


def problem(kind, n_samples=150, n_features=40):
    random = np.random.default_rng(0)
    labels = np.arange(n_samples) % 3
    X = random.normal(size=(n_samples, n_features)) + 3  # one strong direction
    X = np.float32((X + np.eye(n_features)[labels]) / np.sqrt(10 * n_features))
    one_hot = labels[:, None] == np.arange(3)
    if kind is SquaredHinge:
        targets = np.where(one_hot, 1, -1).astype(np.float32)
        targets[::7, 1] = 0  # says neither
        return X, kind(targets)
    return X, kind(one_hot.astype(np.float32))


def objective(X, loss, C):
    """The definition, in plain NumPy, of all columns together; and its gradient."""

    def function(flat):
        W = flat.reshape(X.shape[1], 3)
        F, Y = X @ W, loss.targets.astype(np.float64)
        if isinstance(loss, SquaredHinge):
            short = np.where(Y == 0, 0, np.maximum(0, 1 - Y * F))
            value, slope = (short**2).sum(), -2 * Y * short
        else:
            shares = np.exp(F) / np.exp(F).sum(axis=1, keepdims=True)
            value, slope = -np.log(shares[Y > 0]).sum(), shares - Y
        return (W**2).sum() / 2 + C * value, (W + C * X.T @ slope).ravel()

    return function


@functools.cache
def by_scipy(kind, C):
    X, loss = problem(kind)
    X = X.astype(np.float64)
    options = {"maxiter": 100_000, "maxfun": 100_000, "gtol": 1e-9, "ftol": 1e-16}
    answer = minimize(
        objective(X, loss, C),
        np.zeros(3 * X.shape[1]),
        method="L-BFGS-B",
        jac=True,
        options=options,
    )
    return answer.x.reshape(-1, 3)


@pytest.mark.parametrize("C", [0.1, 30])
@pytest.mark.parametrize("kind", [SquaredHinge, Multinomial])
@pytest.mark.parametrize("usual_steps", [0, 1e9])  # never an exact step, and always
@pytest.mark.parametrize("rank", [1, 5, 1000])
def test_every_way_leads_to_scipys_minimum(kind, C, usual_steps, rank, monkeypatch):
    monkeypatch.setattr(newton, "_USUAL_INNER_STEPS", usual_steps)
    monkeypatch.setattr(newton, "RANK", rank)  # 1000: no directions taken out
    X, loss = problem(kind)
    best = by_scipy(kind, C)
    length = np.linalg.norm(best)
    weights, scores, reached = minimise(FeatureSpace(X), loss, C, 1e-4)
    assert reached and np.linalg.norm(weights - best) < 2e-4 * length
    np.testing.assert_allclose(scores, X @ weights, rtol=1e-5, atol=1e-5)
    gram = SampleSpace(X @ X.T)
    shares, scores, reached = minimise(gram, loss, C, 1e-4)
    assert reached and np.linalg.norm(X.T @ shares - best) < 2e-4 * length
    np.testing.assert_allclose(scores, X @ (X.T @ shares), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", [SquaredHinge, Multinomial])
@pytest.mark.parametrize("tolerance", [1e-1, 1e-2, 1e-3, 1e-5])
def test_weights_are_as_near_as_promised(kind, tolerance):
    X, loss = problem(kind)
    best = by_scipy(kind, 10)
    weights, _, reached = minimise(FeatureSpace(X), loss, 10, tolerance)
    assert reached
    # A bound for each column of its own, or for all if they are one problem.
    axis = 0 if loss.is_separable else None
    error = np.linalg.norm(weights - best, axis=axis)
    assert np.all(error <= 1.05 * tolerance * np.linalg.norm(weights, axis=axis) + 1e-6)


@pytest.mark.parametrize("kind", [SquaredHinge, Multinomial])
def test_where_it_starts_makes_no_difference(kind):
    X, loss = problem(kind)
    cold, _, _ = minimise(FeatureSpace(X), loss, 10, 1e-5)
    rough, _, _ = minimise(FeatureSpace(X), loss, 1, 0.03)
    assert rough.dtype == np.float32 and cold.dtype == np.float64
    before = rough.copy()
    warm, _, _ = minimise(FeatureSpace(X), loss, 10, 1e-5, start=rough)
    assert np.linalg.norm(warm - cold) < 3e-5 * np.linalg.norm(cold)
    np.testing.assert_array_equal(rough, before)


@pytest.mark.parametrize("n_rows", [10, 100])  # fewer than features, and more
def test_ridge_is_the_normal_equations(n_rows):
    X, _ = problem(SquaredHinge)
    rows = np.arange(0, n_rows) + 3
    targets = np.where(rows % 3 == 0, 1.0, -1.0)
    part = X[rows].astype(np.float64)
    expected = np.linalg.solve(part.T @ part + np.eye(40) / (2 * 5), part.T @ targets)
    found = FeatureSpace(X).ridge(rows, targets, 5)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
    shares = SampleSpace(X @ X.T).ridge(rows, targets, 5)
    assert not shares[np.setdiff1d(np.arange(150), rows)].any()
    np.testing.assert_allclose(X.T @ shares, expected, rtol=1e-3, atol=1e-4)


def test_samples_that_are_all_zero_have_no_weights():
    loss = SquaredHinge(np.float32([[1, -1], [-1, 1]]))
    weights, scores, reached = minimise(SampleSpace(np.zeros((2, 2), "f4")), loss, 1)
    assert reached and not scores.any() and np.isfinite(weights).all()
