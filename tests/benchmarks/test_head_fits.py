import numpy as np
import pytest
from scipy.linalg import solve_triangular
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from benchmarks.head_fits import FITS, gram_coordinates


@pytest.fixture(scope="module")
def problem():
    """Three classes of 36 samples with 200 features, and other samples."""
    random = np.random.default_rng(0)
    centres = random.normal(0, 0.3, (3, 200))
    labels = np.arange(36) % 3
    features, others = (
        np.maximum(random.normal(size=(36, 200)) + centres[labels] + 0.65, 0)
        for _ in range(2)
    )
    return features.astype(np.float32), labels, others.astype(np.float32)


def with_ones(features, scale):
    return np.hstack([features / scale, np.ones((len(features), 1))])


def test_gram_coordinates_have_the_inner_products_of_the_features(problem):
    features, _, _ = problem
    scale, coordinates = gram_coordinates(features)
    assert coordinates.shape == (36, 36)
    wide = with_ones(features, scale)
    np.testing.assert_allclose((wide[:, :-1] ** 2).sum(1).mean(), 1, rtol=1e-5)
    np.testing.assert_allclose(coordinates @ coordinates.T, wide @ wide.T, atol=1e-5)


@pytest.mark.parametrize(
    "make_head",
    [
        lambda: LinearSVC(fit_intercept=False, tol=1e-8, max_iter=100_000),
        lambda: LogisticRegression(fit_intercept=False, tol=1e-8, max_iter=10_000),
    ],
    ids=["LinearSVC", "LogisticRegression"],
)
def test_scikit_learn_finds_the_same_on_gram_coordinates(problem, make_head):
    features, labels, others = problem
    scale, coordinates = gram_coordinates(features)
    raw = make_head().fit(with_ones(features, scale), labels)
    head = make_head().fit(coordinates.astype(np.float64), labels)
    inner = with_ones(others, scale) @ with_ones(features, scale).T
    there = solve_triangular(coordinates, inner.T, lower=True).T
    np.testing.assert_allclose(
        head.decision_function(there),
        raw.decision_function(with_ones(others, scale)),
        atol=1e-4,
    )
    # |w|^2, too, so that the whole objective is the same.
    np.testing.assert_allclose(
        np.square(head.coef_).sum(1), np.square(raw.coef_).sum(1), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        ("SVMHead", "LinearSVC on Gram coordinates"),
        ("SoftmaxHead", "LogisticRegression on Gram coordinates"),
        ("SoftmaxHead", "LogisticRegression"),
    ],
)
def test_contenders_decide_the_same(problem, ours, peer):
    (_, one), (_, other) = (FITS[name](*problem) for name in (ours, peer))
    assert one.shape == other.shape == (36, 3)
    np.testing.assert_allclose(other, one, atol=0.01 * np.abs(one).max())
