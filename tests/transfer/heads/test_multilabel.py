import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from sklearn.svm import LinearSVC

from transfer.heads.multilabel import MultiLabelSVM
from transfer.heads.solver.gram import gram_matrix


def problem(n_samples=90, n_features=150, n_classes=4):
    random = np.random.default_rng(5)
    features = np.maximum(random.normal(size=(n_samples, n_features)) + 1, 0) * 20
    shown = features @ random.normal(size=(n_features, n_classes))
    shown += random.normal(size=shown.shape) * shown.std() * 0.5
    targets = np.where(shown > np.quantile(shown, 0.7, axis=0), 1, -1)
    targets[random.random(targets.shape) < 0.1] = 0
    return np.float32(features), targets


@pytest.mark.parametrize("n_features", [150, 30])  # more than samples, and fewer
def test_each_class_is_an_svm_without_the_difficult_images(n_features):
    features, targets = problem(n_features=n_features)
    others = problem(40, n_features)[0]
    head = MultiLabelSVM(C=1.0, tol=1e-4).fit(features, targets)
    by_gram = MultiLabelSVM(C=1.0, tol=1e-4).fit_gram(gram_matrix(features), targets)
    scores = head.decision_function(others)
    gram_scores = by_gram.decision_function_gram(others @ features.T)
    scale = np.sqrt(np.square(features).sum(axis=1).mean())
    for label in range(targets.shape[1]):
        kept = targets[:, label] != 0
        peer = LinearSVC(C=1.0, tol=1e-9, max_iter=1_000_000)
        peer.fit(features[kept] / scale, targets[kept, label])
        expected = peer.decision_function(others / scale)
        bound = 2e-3 * np.abs(expected).max()
        np.testing.assert_allclose(scores[:, label], expected, atol=bound)
        np.testing.assert_allclose(gram_scores[:, label], expected, atol=bound)


def test_c_is_chosen_on_images_held_out():
    random = np.random.default_rng(3)
    features = np.float32(random.normal(size=(120, 400)))
    clear = np.where(features[:, :2] > 0, 1, -1)
    noisy = np.where(random.random((120, 2)) < 0.3, -clear, clear)
    grid = (1e-4, 1.0)

    def precision(targets, c):
        """Mean average precision over ten divisions, class by class."""
        scores = np.empty(targets.shape)
        for out in np.array_split(random.permutation(120), 10):
            rest = np.setdiff1d(np.arange(120), out)
            head = MultiLabelSVM(C=c).fit(features[rest], targets[rest])
            scores[out] = head.decision_function(features[out])
        columns = zip((targets > 0).T, scores.T, strict=True)
        return np.mean([average_precision_score(*column) for column in columns])

    for targets in (clear, noisy):
        by_c = {c: precision(targets, c) for c in grid}
        chosen = MultiLabelSVM(grid=grid).fit(features, targets).C_
        assert by_c[chosen] > max(by_c.values()) - 0.03


def test_a_class_without_an_image_does_not_change_the_others():
    features, targets = problem()
    gram, others = gram_matrix(features), [0, 2, 3]
    without = MultiLabelSVM().fit_gram(gram, targets[:, others])
    targets[:, 1] = -1
    head = MultiLabelSVM().fit_gram(gram, targets)
    assert head.C_ == without.C_
    found = head.dual_coef_[:, others]
    np.testing.assert_allclose(found, without.dual_coef_, atol=1e-3)


@pytest.mark.parametrize(("rows", "target"), [(89, 1), (90, 2)])
def test_fit_refuses_targets_that_do_not_fit(rows, target):
    features, targets = problem()
    targets[0, 0] = target
    with pytest.raises(ValueError, match="`targets` must be"):
        MultiLabelSVM().fit(features[:rows], targets)
