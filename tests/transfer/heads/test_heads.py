import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from transfer.heads.gram import gram_matrix
from transfer.heads.selection import divisions
from transfer.heads.softmax import SoftmaxHead
from transfer.heads.svm import SVMHead


@parametrize_with_checks([SVMHead(), SoftmaxHead()])
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
    X, y = problem(300, 40)
    head = SVMHead(grid=grid).fit(X, y)
    ((rows, others),) = divisions(y, 0.2, 0)
    assert len(others) == 60 and not set(rows) & set(others)
    scale = np.sqrt(np.square(X).sum(axis=1).mean())
    accuracies = []
    for C in grid:
        peer = LinearSVC(C=C, tol=1e-6, max_iter=1_000_000)
        answers = peer.fit(X[rows] / scale, y[rows]).predict(X[others] / scale)
        accuracies.append(balanced_accuracy_score(y[others], answers))
    assert head.C_ == grid[np.argmax(accuracies)]
    # All samples are learnt from in the end.
    np.testing.assert_array_equal(head.coef_, SVMHead(C=head.C_).fit(X, y).coef_)


def test_one_sample_a_class_leaves_none_to_choose_on():
    X, y = np.eye(3), [0, 1, 2]
    head = SVMHead().fit(X, y)
    assert head.C_ == 1.0
    assert np.array_equal(head.predict(X), y)


def test_a_memory_map_of_half_floats_is_read_in_blocks(tmp_path, monkeypatch):
    from transfer.heads import gram as module

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
    expected = SVMHead(C=1).fit(wide, y).decision_function(wide)
    found = SVMHead(C=1).fit(mapped, y).decision_function(wide)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("value", [0, -1.0])
def test_c_must_be_above_zero(value):
    with pytest.raises(ValueError, match="`C` must be above 0"):
        SVMHead(C=value).fit(np.eye(4), [0, 0, 1, 1])
