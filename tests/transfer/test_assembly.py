import keras
import numpy as np
import pytest

from tests.helpers.networks import make_classifier
from transfer import assembly
from transfer.assembly import RowHead, attach_head
from transfer.by_layer import LayerGram
from transfer.features import layer_tensors
from transfer.heads.softmax import SoftmaxHead
from transfer.heads.svm import SVMHead
from zfkeras.errors import UsageError
from zfkeras.models.classifier import Classifier

NAMES = ("ant", "bee", "cat")


def problem(n_images, n_features, n_classes):
    random = np.random.default_rng(n_images)
    labels = np.arange(n_images) % n_classes
    centres = random.normal(size=(n_classes, n_features))
    features = centres[labels] + random.normal(size=(n_images, n_features))
    return np.float32(features * 3 + 2), labels


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_features", [12, 90])  # fewer than images, and more
@pytest.mark.parametrize("kind", [SVMHead, SoftmaxHead])
def test_rows_are_learnt_as_if_they_were_all_there_is(
    kind, n_features, n_classes, monkeypatch
):
    monkeypatch.setattr(assembly, "_BLOCK", 7)
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


@pytest.mark.parametrize("layer", [1, 5])
def test_the_network_with_its_head_answers_as_the_head_does(layer, tmp_path):
    classifier = make_classifier(4, ("x", "y"))
    before = classifier.model.get_weights()
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (9, 64, 64, 3), np.uint8)
    crops = np.stack([classifier.preprocessing.centre_crop(image) for image in images])
    tensor = layer_tensors(classifier.model, [layer])[layer]
    maps = keras.Model(classifier.model.inputs, tensor).predict_on_batch(crops)
    features, labels = maps.reshape(9, -1), np.arange(9) % 3
    head = RowHead(SoftmaxHead(C=10.0), LayerGram(features), labels)
    new = attach_head(classifier, layer, head.fit(np.arange(9)), NAMES)
    new.save(tmp_path / "new.keras")
    probabilities = Classifier.load(tmp_path / "new.keras").predict(images)
    plain = SoftmaxHead(C=10.0).fit(features, labels)
    np.testing.assert_allclose(probabilities, plain.predict_proba(features), atol=5e-3)
    for now, then in zip(classifier.model.get_weights(), before, strict=True):
        assert np.array_equal(now, then)


def test_a_head_must_know_every_class():
    features, labels = problem(9, 20, 2)
    head = RowHead(SVMHead(C=1.0), LayerGram(features), labels).fit(np.arange(9))
    with pytest.raises(ValueError, match="must know the labels 0 to 2. Received"):
        attach_head(make_classifier(1, ("x", "y")), 5, head, NAMES)


def test_a_layer_must_be_there():
    features, labels = problem(9, 20, 3)
    head = RowHead(SVMHead(C=1.0), LayerGram(features), labels).fit(np.arange(9))
    with pytest.raises(UsageError, match="--layer must be one of 1, 2, 3, 4, 5 "):
        attach_head(make_classifier(1, ("x", "y")), 8, head, NAMES)


def test_what_is_too_large_for_memory_does_not_fit(monkeypatch):
    few, _ = problem(60, 90, 3)
    many, _ = problem(60, 12, 3)
    monkeypatch.setattr(assembly, "MAX_FEATURE_BYTES", 50 * 12 * 4)
    assert RowHead.fits(LayerGram(few), 60)  # by inner products
    assert RowHead.fits(LayerGram(many), 50)
    assert not RowHead.fits(LayerGram(many), 51)
