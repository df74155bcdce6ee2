import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from transfer.heads.selection import divisions
from transfer.heads.softmax import SoftmaxHead
from transfer.heads.solver import newton
from transfer.heads.solver.gram import gram_matrix
from transfer.heads.svm import SVMHead
from zfkeras.errors import RunError


@parametrize_with_checks([SVMHead(), SoftmaxHead(C=3)])
def test_they_are_scikit_learn_estimators(estimator, check):
    check(estimator)


def problem(n_samples, n_features, n_classes=5, seed=0):
    X, y = make_classification(
        n_samples,
        n_features,
        n_informative=8,
        n_classes=n_classes,
        class_sep=0.7,
        random_state=seed,
    )
    # Not centred and of another scale, as features after a ReLU are.
    return np.maximum(X + 1, 0) * 30, y


SHAPES = [(60, 400), (400, 60)]  # fewer samples than features, and more


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("C", [0.1, 10])
def test_svm_head_has_the_decision_values_of_linear_svc(shape, C):
    X, y = problem(*shape)
    head = SVMHead(C=C, tol=1e-4).fit(X, y)
    scale = np.sqrt(np.square(X).sum(axis=1).mean())
    peer = LinearSVC(C=C, tol=1e-9, max_iter=1_000_000).fit(X / scale, y)
    expected = peer.decision_function(X / scale)
    largest = np.abs(expected).max()
    np.testing.assert_allclose(
        head.decision_function(X), expected, rtol=0, atol=1e-3 * largest
    )
    assert np.array_equal(head.predict(X), peer.predict(X / scale))


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_svm_head_is_linear_svc_on_features_that_nobody_scaled(shape, n_classes):
    X, y = problem(*shape, n_classes)
    head = SVMHead(C=2, tol=1e-6).fit(X, y)
    assert head.scale_ == pytest.approx(np.sqrt(np.square(X).sum(axis=1).mean()))
    peer = LinearSVC(
        C=2 / head.scale_**2,
        intercept_scaling=head.scale_,
        tol=1e-9,
        max_iter=10_000_000,
        random_state=0,
    ).fit(X, y)
    expected = peer.decision_function(X)
    found = head.decision_function(X)
    assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()
    assert (head.coef_.shape, head.intercept_.shape) == (
        peer.coef_.shape,
        peer.intercept_.shape,
    )
    error = np.linalg.norm(head.coef_ - peer.coef_) / np.linalg.norm(peer.coef_)
    assert error < 1e-3
    # Of two classes as good as each other either may be named.
    best = np.sort(expected.reshape(len(X), -1), axis=1)
    lead = best[:, -1] - best[:, -2] if n_classes > 2 else np.abs(best[:, 0])
    clear = lead > 2e-3 * np.abs(expected).max()
    assert clear.mean() > 0.9
    assert np.array_equal(head.predict(X)[clear], peer.predict(X)[clear])


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_head_is_multinomial_logistic_regression(shape, n_classes):
    X, y = problem(*shape, n_classes)
    head = SoftmaxHead(C=1, tol=1e-4).fit(X, y)
    scale = np.sqrt(np.square(X).sum(axis=1).mean())
    # Its intercept is not regularised: ours is a feature that is always 1. Of two
    # classes it keeps one column, w, where a softmax has w / 2 and -w / 2: a norm of
    # half the square, so half the regularisation.
    ones = np.column_stack([X / scale, np.ones(len(X))])
    C = 2 if n_classes == 2 else 1
    peer = LogisticRegression(C=C, fit_intercept=False, tol=1e-9, max_iter=100_000)
    expected = peer.fit(ones, y).predict_proba(ones)
    np.testing.assert_allclose(head.predict_proba(X), expected, atol=2e-3)


@pytest.mark.parametrize("Head", [SVMHead, SoftmaxHead])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_gram_matrix_is_all_that_is_needed(Head, shape):
    X, y = problem(*shape)
    train, test = np.arange(0, len(y), 2), np.arange(1, len(y), 2)
    gram = gram_matrix(X)
    by_gram = Head(tol=1e-4).fit_gram(gram[np.ix_(train, train)], y[train])
    by_features = Head(tol=1e-4).fit(X[train], y[train])
    assert by_gram.C_ == by_features.C_
    expected = by_features.decision_function(X[test])
    found = by_gram.decision_function_gram(gram[np.ix_(test, train)])
    assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()


def test_c_is_the_best_on_samples_held_out_of_training():
    grid = (1e-4, 0.1, 100)
    X, y = problem(3000, 40)
    head = SVMHead(grid=grid).fit(X, y)
    ((rows, others),) = divisions(y, 0.2, 0)
    assert 590 < len(others) < 610 and not set(rows) & set(others)
    scale = np.sqrt(np.square(X).sum(axis=1).mean())
    accuracies = []
    for C in grid:
        peer = LinearSVC(C=C, tol=1e-6, max_iter=1_000_000)
        answers = peer.fit(X[rows] / scale, y[rows]).predict(X[others] / scale)
        accuracies.append(balanced_accuracy_score(y[others], answers))
    assert head.C_ == grid[np.argmax(accuracies)]
    # All samples are learnt from in the end, each way to the tolerance.
    alone = SVMHead(C=head.C_).fit(X, y).coef_
    bound = 2 * head.tol * np.linalg.norm(alone, axis=1)
    assert (np.linalg.norm(head.coef_ - alone, axis=1) <= bound).all()


def test_c_is_chosen_on_every_sample_once_if_a_class_has_few():
    grid = (1e-4, 0.1, 100)
    X, y = problem(60, 400)
    X, y = X[:40], y[:40]
    assert np.bincount(y).min() < 10
    parts = divisions(y, 0.2, 7)
    assert len(parts) == 5
    scale = np.sqrt(np.square(X).sum(axis=1).mean())
    accuracies = []
    for C in grid:
        peer = LinearSVC(C=C, tol=1e-6, max_iter=1_000_000)
        answers = np.full(len(y), -1)
        for rows, others in parts:
            answers[others] = peer.fit(X[rows] / scale, y[rows]).predict(
                X[others] / scale
            )
        accuracies.append(balanced_accuracy_score(y, answers))
    assert len(set(accuracies)) > 1
    head = SVMHead(grid=grid, random_state=7).fit(X, y)
    assert head.C_ == grid[np.argmax(accuracies)]


def test_weights_of_samples_become_weights_of_features_when_asked():
    X, y = problem(60, 400)
    head = SVMHead(C=1).fit_gram(gram_matrix(X), y)
    assert not hasattr(head, "coef_") and head.dual_coef_.shape == (5, 60)
    with pytest.raises(NotFittedError):
        head.predict(X)
    head.weigh_features(X)
    expected = SVMHead(C=1).fit(X, y)
    np.testing.assert_allclose(head.coef_, expected.coef_, rtol=1e-5, atol=1e-8)
    assert np.array_equal(head.predict(X), expected.predict(X))
    with pytest.raises(ValueError, match="must have 60 rows"):
        head.weigh_features(X[1:])


@pytest.mark.parametrize("shape", SHAPES)
def test_fitting_again_forgets_what_was_learnt_before(shape):
    # Previously it answered with the former weights and the new intercept.
    X, y = problem(*shape)
    other, labels = problem(*shape, seed=1)
    gram, scores = gram_matrix(X), SVMHead(C=1).fit(X, y).decision_function(X)
    head = SVMHead(C=1).fit(other, labels).fit_gram(gram, y)
    with pytest.raises(NotFittedError):
        head.decision_function(X)
    found = head.weigh_features(X).decision_function(X)
    np.testing.assert_allclose(found, scores, atol=1e-3 * np.abs(scores).max())
    head.fit(other, labels)
    with pytest.raises(NotFittedError):
        head.decision_function_gram(gram)


def test_one_sample_a_class_leaves_none_to_choose_on():
    X, y = np.eye(3), [0, 1, 2]
    head = SVMHead().fit(X, y)
    assert head.C_ == 1.0
    assert np.array_equal(head.predict(X), y)


def test_a_memory_map_of_half_floats_is_read_in_blocks(tmp_path, monkeypatch):
    from transfer.heads.solver import gram as module

    monkeypatch.setattr(module, "_BLOCK_BYTES", 4 * 40 * 7)
    X, y = problem(40, 100, 3)
    X = X.astype(np.float16)
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    seen = []
    gram = gram_matrix(mapped, seen.append)
    assert sum(seen) == 100 and max(seen) == 7
    wide = X.astype(np.float64)
    np.testing.assert_allclose(gram, wide @ wide.T, rtol=1e-5)
    rows = np.array([31, 2, 2, 17])
    some = gram_matrix(mapped, rows=rows)
    np.testing.assert_allclose(some, wide[rows] @ wide[rows].T, rtol=1e-5)
    expected = SVMHead(C=1).fit(wide, y).decision_function(wide)
    head = SVMHead(C=1).fit(mapped, y)
    found = head.decision_function(wide)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
    for same in (mapped, X):
        np.testing.assert_allclose(head.decision_function(same), found, atol=1e-4)
    with pytest.raises(ValueError, match="expecting 100 features"):
        head.predict(mapped[:, 1:])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"C": 0}, "`C` must be a number above 0"),
        ({"C": -1.0}, "`C` must be a number above 0"),
        ({"C": np.inf}, "`C` must be a number above 0"),  # previously NaN for weights
        ({"C": "1"}, "`C` must be a number above 0"),
        ({"grid": ()}, "`grid` must hold numbers above 0"),
        ({"grid": (1, -1)}, "`grid` must hold numbers above 0"),
        ({"grid": (1, np.inf)}, "`grid` must hold numbers above 0"),
        ({"grid": 3}, "`grid` must hold numbers above 0"),
        ({"tol": 0}, "`tol` must be a number above 0"),
        ({"tol": np.nan}, "`tol` must be a number above 0"),  # previously no weights
        ({"validation_fraction": 1}, "`validation_fraction` must be"),
        ({"validation_fraction": None}, "`validation_fraction` must be"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SVMHead(**settings).fit(np.eye(4), [0, 0, 1, 1])
    with pytest.raises(ValueError, match=message):
        SVMHead(**settings).fit_gram(np.eye(4), [0, 0, 1, 1])


def test_inputs_that_do_not_fit_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(4))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    with pytest.raises(ValueError, match=r"`X` must be .* y.shape=\(3,\)"):
        SVMHead().fit(mapped, [0, 0, 1])
    with pytest.raises(ValueError, match="`gram` must be square"):
        SVMHead().fit_gram(np.eye(4)[:3], [0, 0, 1, 1])
    with pytest.raises(ValueError, match="at least two classes"):
        SVMHead().fit_gram(np.eye(4), [1, 1, 1, 1])
    with pytest.raises(RunError, match="must be finite"):
        gram_matrix(np.array([[1.0, np.inf], [0, 1]]))
    with pytest.raises(RunError, match="must be finite"):
        SVMHead().fit_gram(np.diag([1, 1, 1, np.nan]), [0, 0, 1, 1])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])  # a square of 1e60
def test_a_memory_map_that_is_not_finite_is_refused(shape, value, tmp_path):
    # Previously all weights were zero, and every answer the first class.
    X, y = problem(*shape)
    head = SVMHead(C=1).fit(X, y)
    X[7, 5] = value
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    with pytest.raises(RunError, match="features must be finite"):
        SVMHead(C=1).fit(mapped, y)
    if not np.isfinite(value):
        with pytest.raises(RunError, match="features must be finite"):
            head.predict(mapped)


def test_weights_that_are_not_exact_enough_are_told_of(monkeypatch):
    monkeypatch.setattr(newton, "MAX_STEPS", 1)
    with pytest.warns(ConvergenceWarning, match=r"less exact than tol=0\.0001"):
        SVMHead(C=1).fit(*problem(60, 400))
