"""Small untrained networks for the tests of what uses trained ones."""

import keras
import numpy as np

from zfkeras.data.preprocessing import Preprocessing
from zfkeras.models.classifier import Classifier
from zfkeras.models.zfnet import ZFNet


def make_classifier(
    seed: int, class_names, variant: str = "zfnet_quarter_without_6_7"
) -> Classifier:
    """An untrained quarter network; without its large layers, it loads quickly."""
    keras.utils.set_random_seed(seed)
    model = ZFNet(len(class_names), variant=variant, kernel_initializer="he_normal")
    random = np.random.default_rng(seed)
    mean_image = random.uniform(90, 150, (64, 64, 3)).astype(np.float32)
    preprocessing = Preprocessing(mean_image, crop_size=56, input_scale=1 / 64)
    return Classifier(model, preprocessing, tuple(class_names), {"seed": seed})


def spread_answers(classifier: Classifier, images, sharpness: float = 10) -> None:
    """Changes the softmax so that the images do not all get the same answer."""
    typical = np.log(classifier.predict(images)).mean(axis=0)
    kernel, bias = classifier.model.get_layer("predictions").get_weights()
    weights = [kernel * sharpness, (bias - typical) * sharpness]
    classifier.model.get_layer("predictions").set_weights(weights)
