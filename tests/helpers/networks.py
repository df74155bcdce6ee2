"""Small untrained networks for the tests of what uses trained ones."""

import keras
import numpy as np

from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import Source, open_source
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


def train_on_shapes(num_classes: int = 4, epochs: int = 8) -> tuple[Classifier, Source]:
    """A quarter network that knows some of the built-in shapes, in half a minute."""
    source = open_source("shapes").first_classes(num_classes)
    split = source.split("train")
    mean_image = np.full((64, 64, 3), 120, np.float32)
    preprocessing = Preprocessing(mean_image, crop_size=56, input_scale=1 / 64)
    rows = [*split.stream(shuffle_seed=(0,)).as_numpy_iterator()]
    crops = [
        preprocessing.centre_crop(preprocessing.square(split.read(row["key"])))
        for row in rows
    ]
    labels = np.array([row["label"] for row in rows])
    keras.utils.set_random_seed(0)
    model = ZFNet(
        num_classes,
        variant="zfnet_quarter_without_6_7",
        kernel_initializer="he_normal",
    )
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    model.fit(np.stack(crops), labels, batch_size=32, epochs=epochs, verbose=0)
    return Classifier(model, preprocessing, source.class_names, {}), source
