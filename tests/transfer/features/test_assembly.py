import keras
import numpy as np
import pytest

from tests.helpers.networks import make_classifier
from tests.helpers.problems import problem
from transfer.features.assembly import attach_head
from transfer.features.layers import layer_tensors
from transfer.heads.rows import LayerGram, RowHead
from transfer.heads.softmax import SoftmaxHead
from transfer.heads.svm import SVMHead
from zfkeras.models.classifier import Classifier

NAMES = ("ant", "bee", "cat")


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
    with pytest.raises(ValueError, match="`head` must"):
        attach_head(make_classifier(1, ("x", "y")), 5, head, NAMES)
