"""Small untrained networks whose layers are not the paper's."""

import keras
import numpy as np

from zfkeras.data.preprocessing import Preprocessing
from zfkeras.models.classifier import Classifier

SIZE = 32


def vgg(num_classes: int) -> keras.Model:
    """Two blocks and two dense layers, named as keras.applications does."""
    layers = [keras.Input((SIZE, SIZE, 3))]
    for block, channels in ((1, 4), (2, 6)):
        layers += [
            _convolution(channels, name=f"block{block}_conv1"),
            _convolution(channels, name=f"block{block}_conv2"),
            keras.layers.MaxPooling2D(name=f"block{block}_pool"),
        ]
    layers += [
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(12, "relu", name="fc1"),
        keras.layers.Dense(num_classes, "softmax", name="predictions"),
    ]
    return keras.Sequential(layers, name="vgg")


def nested(num_classes: int) -> keras.Model:
    """Input, a base model, a global pool, dropout, a dense layer: as one fine-tunes."""
    image = keras.Input((SIZE, SIZE, 3), name="image")
    # Named like what a head on it is made of.
    base = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            _convolution(4, strides=2, name="stem"),
            keras.layers.MaxPooling2D(name="block1_pool"),
            _convolution(6, name="conv"),
            keras.layers.BatchNormalization(name="bn"),
            keras.layers.ReLU(name="out"),
        ],
        name="features",
    )
    maps = keras.layers.GlobalAveragePooling2D(name="gap")(base(image))
    maps = keras.layers.Dropout(0.2, name="dropout")(maps)
    answer = keras.layers.Dense(num_classes, "softmax", name="predictions")(maps)
    return keras.Model(image, answer, name="nested")


def residual(num_classes: int) -> keras.Model:
    """Two stages with a sum each, a squeezing block in the first."""
    image = keras.Input((SIZE, SIZE, 3))
    maps = _convolution(4, name="stem")(image)
    for stage, channels in ((1, 4), (2, 8)):
        strides = stage
        side = _convolution(channels, strides=strides, name=f"side{stage}")(maps)
        maps = _convolution(channels, strides=strides, name=f"conv{stage}_a")(maps)
        if stage == 1:
            squeezed = keras.layers.GlobalAveragePooling2D(keepdims=True)(maps)
            squeezed = keras.layers.Conv2D(4, 1, activation="sigmoid")(squeezed)
            maps = keras.layers.Multiply(name="scaled")([maps, squeezed])
        maps = keras.layers.Add(name=f"sum{stage}")([side, maps])
    maps = keras.layers.GlobalAveragePooling2D(name="gap")(maps)
    logits = keras.layers.Dense(num_classes, name="logits")(maps)
    return keras.Model(image, keras.layers.Softmax(name="softmax")(logits))


def as_classifier(model: keras.Model, num_classes: int) -> Classifier:
    """The network with a preprocessing and names."""
    mean_image = np.full((SIZE + 4, SIZE + 4, 3), 120, np.float32)
    preprocessing = Preprocessing(mean_image, crop_size=SIZE, input_scale=1 / 64)
    names = tuple(f"class {label}" for label in range(num_classes))
    return Classifier(model, preprocessing, names, {})


def _convolution(channels, name, strides=1):
    return keras.layers.Conv2D(
        channels, 3, strides, "same", activation="relu", name=name
    )
