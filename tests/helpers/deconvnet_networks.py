"""Small networks of every kind that the deconvnet must go through."""

import keras

from tests.helpers.projections import shake
from zfkeras import MaxPoolWithArgmax
from zfkeras.layers import LocalResponseNormalization


def small_zfnet(**kwargs):
    """Every kind of layer of ZFNet, on 31x37 images; strides leave pixels over."""
    image = keras.Input((31, 37, 3))
    x = keras.layers.Conv2D(8, 5, 2, "valid", activation="relu", name="conv1")(image)
    x, _ = MaxPoolWithArgmax(3, 2, "same", name="pool1")(x)
    x = LocalResponseNormalization(alpha=0.5, name="norm1")(x)
    x = keras.layers.Conv2D(12, 3, 1, "same", activation="relu", name="conv2")(x)
    x, _ = MaxPoolWithArgmax(3, 2, "valid", name="pool2")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(10, "relu", name="fc6")(x)
    x = keras.layers.Dropout(0.5, name="dropout6")(x)
    outputs = keras.layers.Dense(5, "softmax", name="predictions")(x)
    model = keras.Model(image, outputs)
    shake(model)
    return model


def chain(*layers, shape=(12, 12, 3), seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(shape), *layers])
    shake(model)
    return model


def vgg_like():
    def conv(filters, name):
        return keras.layers.Conv2D(filters, 3, 1, "same", activation="relu", name=name)

    return chain(
        *(conv(6, "a"), conv(6, "b"), keras.layers.MaxPooling2D(2)),
        *(conv(8, "c"), keras.layers.MaxPooling2D(2), conv(8, "d")),
        keras.layers.Flatten(),
        keras.layers.Dense(9, name="e"),
        keras.layers.Activation("relu", name="f"),
        keras.layers.Dense(4, name="g"),
        keras.layers.Softmax(name="h"),
        shape=(21, 26, 3),
    )


def resnet_like(relu=keras.layers.ReLU):
    def conv(x, *place, size=3):
        x = keras.layers.Conv2D(8, size, *place)(x)
        return keras.layers.BatchNormalization()(x)

    image = keras.Input((33, 29, 3))
    x = relu()(conv(keras.layers.ZeroPadding2D(3)(image), 2, size=7))
    x = keras.layers.MaxPooling2D(3, 2, "same")(x)
    for number, stride in enumerate((1, 2)):
        short = conv(x, stride, size=1)
        x = conv(relu()(conv(x, stride, "same")), 1, "same")
        x = relu(name=f"block{number}")(keras.layers.Add()([short, x]))
    x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    model = keras.Model(image, keras.layers.Dense(5, "softmax", name="classes")(x))
    shake(model)
    return model


def nested():
    inner = keras.Sequential(
        [
            keras.Input((10, 10, 6)),
            keras.layers.Conv2D(6, 3, activation="relu", name="deep"),
        ],
        name="inner",
    )
    image = keras.Input((10, 10, 6))
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="low")(image)
    middle = keras.Model(image, keras.ops.relu(inner(x)), name="middle")
    outer = keras.Input((24, 24, 3))
    x = keras.layers.Conv2D(6, 5, 2, activation="relu", name="first")(outer)
    x = middle(x)
    x = keras.layers.GlobalMaxPooling2D()(x)
    model = keras.Model(outer, keras.layers.Dense(4, name="last")(x))
    shake(model)
    return model


def flattened(model):
    """The nested model without nests, on the same layers."""
    middle = model.get_layer("middle")
    image = keras.Input((24, 24, 3))
    x = model.get_layer("first")(image)
    x = middle.get_layer("low")(x)
    deep = middle.get_layer("inner").get_layer("deep")(x)
    relu = keras.layers.ReLU(name="middle")(deep)
    x = keras.layers.GlobalMaxPooling2D()(relu)
    flat = keras.Model(image, model.get_layer("last")(x))
    twin = keras.models.clone_model(flat)  # so that each layer is called once
    twin.set_weights(flat.get_weights())
    return twin
