import tracemalloc

import numpy as np
import pytest

from tests.helpers.problems import problem
from transfer.heads import rows as module
from transfer.heads.rows import LayerGram, RowHead, check_fits
from transfer.heads.softmax import SoftmaxHead
from transfer.heads.solver import gram as gram_module
from transfer.heads.svm import SVMHead
from zfkeras.errors import UsageError


@pytest.mark.parametrize("at_most", [1000, 50, 20])  # held: all, the fold, nothing
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_features", [12, 90])  # fewer than images, and more
@pytest.mark.parametrize("kind", [SVMHead, SoftmaxHead])
def test_rows_are_learnt_as_if_they_were_all_there_is(
    kind, n_features, n_classes, at_most, monkeypatch
):
    monkeypatch.setattr(module, "_BLOCK", 7)
    monkeypatch.setattr(module, "MAX_GRAM_IMAGES", at_most)
    features, labels = problem(60, n_features, n_classes)
    rows, others = np.arange(20, 55), np.arange(0, 60, 3)
    head = RowHead(kind(C=1.0), LayerGram(features), labels).fit(rows)
    plain = kind(C=1.0).fit(features[rows], labels[rows])
    expected = plain.decision_function(features[others])
    assert np.array_equal(head.predict(others), plain.predict(features[others]))
    kernel, bias = head.weights()
    assert kernel.shape == (n_features, n_classes)
    scores = features[others] @ kernel + bias
    if n_classes == 2:
        scores = scores[:, 1] - scores[:, 0]
    np.testing.assert_allclose(scores, expected, atol=2e-3 * np.abs(expected).max())


def test_a_fold_of_a_large_set_is_never_copied(tmp_path, monkeypatch):
    # Previously 30,607 images of Caltech-256 made a copy of each fold: 9 GB of layer 1.
    monkeypatch.setattr(module, "MAX_GRAM_IMAGES", 100)
    monkeypatch.setattr(module, "_BLOCK", 8)
    monkeypatch.setattr(gram_module, "_BLOCK_BYTES", 2**17)
    features, labels = problem(120, 20_000, 3)
    np.save(tmp_path / "x.npy", features.astype(np.float16))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    rows, others = np.arange(0, 90), np.arange(90, 120)
    tracemalloc.start()
    head = RowHead(SVMHead(C=1.0), LayerGram(mapped), labels).fit(rows)
    answers = head.predict(others)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 90 * 20_000 * 2 / 2  # half of the fold as it lies on the disk
    expected = SVMHead(C=1.0).fit(features[rows], labels[rows])
    assert np.array_equal(answers, expected.predict(features[others]))


def test_what_is_too_large_for_memory_does_not_fit(monkeypatch):
    monkeypatch.setattr(module, "MAX_FEATURE_BYTES", 50 * 12 * 4)
    assert RowHead.fits(60, 90)  # by inner products
    assert RowHead.fits(50, 12)
    assert not RowHead.fits(51, 12)
    monkeypatch.setattr(module, "MAX_GRAM_IMAGES", 59)
    assert not RowHead.fits(60, 90)
    check_fits({1: 60}, 59)
    with pytest.raises(UsageError, match="layer fc1 has 12 features, too many for 51 "):
        check_fits({1: 60, "fc1": 12}, 51)
