import numpy as np
import pytest
from sklearn.svm import LinearSVC

from transfer.heads.gram import gram_matrix
from transfer.heads.multilabel import MultiLabelSVM


def problem(n_samples=90, n_features=150, n_classes=4):
    random = np.random.default_rng(5)
    features = np.maximum(random.normal(size=(n_samples, n_features)) + 1, 0) * 20
    shown = features @ random.normal(size=(n_features, n_classes))
    shown += random.normal(size=shown.shape) * shown.std() * 0.5
    targets = np.where(shown > np.quantile(shown, 0.7, axis=0), 1, -1)
    targets[random.random(targets.shape) < 0.1] = 0
    return np.float32(features), targets


@pytest.mark.parametrize("n_features", [150, 30])  # more than samples, and fewer
def test_each_class_is_a_machine_that_ignores_what_says_neither(n_features):
    features, targets = problem(n_features=n_features)
    others = problem(40, n_features)[0]
    head = MultiLabelSVM(C=1.0, tol=1e-4).fit(features, targets)
    scores = head.decision_function(others)
    scale = np.sqrt(np.square(features).sum(axis=1).mean())
    for label in range(targets.shape[1]):
        kept = targets[:, label] != 0
        peer = LinearSVC(C=1.0, tol=1e-9, max_iter=1_000_000)
        peer.fit(features[kept] / scale, targets[kept, label])
        expected = peer.decision_function(others / scale)
        largest = np.abs(expected).max()
        np.testing.assert_allclose(scores[:, label], expected, atol=2e-3 * largest)


def test_inner_products_are_all_it_needs():
    features, targets = problem()
    others = problem(40)[0]
    head = MultiLabelSVM().fit_gram(gram_matrix(features), targets)
    plain = MultiLabelSVM().fit(features, targets)
    np.testing.assert_allclose(
        head.decision_function_gram(others @ features.T),
        plain.decision_function(others),
        rtol=1e-3,
        atol=1e-3,
    )


def test_c_is_chosen_class_by_class():
    features, targets = problem(200, 30, 3)
    random = np.random.default_rng(1)
    # Nothing is to be learnt of the first class; the last is the sign of a feature.
    targets[:, 0] = random.choice((-1, 1), len(targets))
    targets[:, 2] = np.where(features[:, 0] > np.median(features[:, 0]), 1, -1)
    grid = (0.001, 100.0)
    head = MultiLabelSVM(grid=grid).fit(features, targets)
    assert head.C_.shape == (3,) and set(head.C_) <= set(grid)
    assert head.C_[2] == 100
    together = head.decision_function(features)
    for label, c in enumerate(head.C_):
        alone = MultiLabelSVM(C=c).fit(features, targets[:, [label]])
        expected = alone.decision_function(features)[:, 0]
        np.testing.assert_allclose(
            together[:, label], expected, atol=5e-3 * np.abs(expected).max()
        )


def test_a_class_nobody_shows_gets_the_default():
    features, targets = problem()
    targets[:, 1] = -1
    head = MultiLabelSVM().fit_gram(gram_matrix(features), targets)
    assert head.C_[1] == 1
    assert np.isfinite(head.dual_coef_).all()


@pytest.mark.parametrize(
    ("rows", "target", "message"),
    [(89, 1, "must be .n_samples, n_classes."), (90, 2, "must be -1, 0 or 1")],
)
def test_what_does_not_fit_is_refused(rows, target, message):
    features, targets = problem()
    targets[0, 0] = target
    with pytest.raises(ValueError, match=message):
        MultiLabelSVM().fit(features[:rows], targets)
