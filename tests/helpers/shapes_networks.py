"""A VGG-like and a ResNet-like network that learn the built-in shapes.

`python -m tests.helpers.shapes_networks vgg|resnet OUT.keras` trains one for some
minutes and prints its error on the validation images, for `visualize.sanity`.
"""

import sys

import keras
import numpy as np

from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source
from zfkeras.models.classifier import Classifier

SIDE = 56


def vgg(num_classes: int) -> keras.Model:
    """Three blocks of two convolutions and a max pool."""
    image = maps = keras.Input((SIDE, SIDE, 3))
    for block, channels in enumerate((16, 32, 64), 1):
        for number in (1, 2):
            name = f"block{block}_conv{number}"
            conv = keras.layers.Conv2D(
                channels, 3, 1, "same", activation="relu", name=name
            )
            maps = conv(maps)
        maps = keras.layers.MaxPooling2D(name=f"block{block}_pool")(maps)
    maps = keras.layers.Flatten(name="flatten")(maps)
    return _with_answer(image, maps, num_classes)


def resnet(num_classes: int) -> keras.Model:
    """Three residual blocks with batch normalisation and strides, no max pool."""
    image = keras.Input((SIDE, SIDE, 3))
    maps = _convolution(image, 16, 1, "stem")
    for block, channels in enumerate((16, 32, 64), 1):
        short = _convolution(maps, channels, 2, f"block{block}_short", has_relu=False)
        maps = _convolution(maps, channels, 2, f"block{block}_conv1")
        maps = _convolution(maps, channels, 1, f"block{block}_conv2", has_relu=False)
        maps = keras.layers.Add(name=f"block{block}_sum")([short, maps])
        maps = keras.layers.ReLU(name=f"block{block}_out")(maps)
    maps = keras.layers.GlobalAveragePooling2D(name="mean")(maps)
    return _with_answer(image, maps, num_classes)


def train(model: keras.Model, epochs: int) -> tuple[Classifier, float]:
    """Trains on the shapes; returns the classifier and its validation error."""
    source = open_source("shapes")
    mean_image = np.full((64, 64, 3), 120, np.float32)
    preprocessing = Preprocessing(mean_image, crop_size=SIDE, input_scale=1 / 64)
    (images, labels), held_out = (
        _read(source.split(name), preprocessing) for name in ("train", "validation")
    )
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    model.fit(images, labels, batch_size=32, epochs=epochs, verbose=2)
    _, accuracy = model.evaluate(*held_out, verbose=0)
    return Classifier(model, preprocessing, source.class_names, {}), 1 - accuracy


def _read(split, preprocessing):
    rows = [*split.stream(shuffle_seed=(0,)).as_numpy_iterator()]
    squares = (preprocessing.square(split.read(row["key"])) for row in rows)
    crops = np.stack([preprocessing.centre_crop(square) for square in squares])
    return crops, np.array([row["label"] for row in rows])


def _with_answer(image, maps, num_classes):
    answer = keras.layers.Dense(num_classes, "softmax", name="predictions")
    return keras.Model(image, answer(maps))


def _convolution(x, channels, stride, name, has_relu=True):
    size = 1 if name.endswith("short") else 3
    conv = keras.layers.Conv2D(
        channels, size, stride, "same", use_bias=False, name=name
    )
    x = keras.layers.BatchNormalization(name=f"{name}_norm")(conv(x))
    return keras.layers.ReLU(name=f"{name}_relu")(x) if has_relu else x


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    build = {"vgg": vgg, "resnet": resnet}[sys.argv[1]]
    trained, error = train(build(12), epochs=10)
    trained.save(sys.argv[2])
    print(f"error on 600 validation images: {error:.1%}")
