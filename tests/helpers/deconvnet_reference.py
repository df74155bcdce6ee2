"""A second deconvnet: the gradient of a clone whose ReLUs have another gradient.

It shares no code with `visualize`: TensorFlow differentiates a copy of the model, with
other ReLUs and with the pools of TensorFlow itself. The generalised rules are in
`generalised_reference`.
"""

import keras
import numpy as np
import tensorflow as tf

from tests.helpers import generalised_reference as generalised


def _relu(method):
    @tf.custom_gradient
    def relu(x):
        def gradient(upstream):
            on = tf.cast(x > 0, upstream.dtype)
            return {
                "deconvnet": lambda: tf.maximum(upstream, 0),
                "guided": lambda: tf.maximum(upstream, 0) * on,
                "gradient": lambda: upstream * on,
            }[method]()

        return tf.maximum(x, 0), gradient

    return relu


def _clipped(relu, max_value):
    """min(relu(x), max_value), with the ReLU's gradient alone for the deconvnet."""

    @tf.custom_gradient
    def forward_only(y):
        return tf.minimum(y, max_value), lambda upstream: upstream

    @tf.custom_gradient
    def stopped(y):
        keep = tf.cast(y < max_value, y.dtype)
        return tf.minimum(y, max_value), lambda upstream: upstream * keep

    return lambda x, method: (
        forward_only(relu(x)) if method == "deconvnet" else stopped(relu(x))
    )


class Function(keras.layers.Layer):
    def __init__(self, function, outputs=1, **kwargs):
        super().__init__(**kwargs)
        self.function, self.outputs = function, outputs

    def call(self, x, mask=None):
        return self.function(x)


def _pool(layer):
    windows = layer.windows

    def pool(x):
        pooled = tf.nn.max_pool2d(
            x, windows.pool_size, windows.strides, windows.padding.upper()
        )
        return pooled, tf.zeros_like(pooled, tf.int64)

    return Function(pool, name=layer.name)


def _lrn(layer, lrn):
    def forward(x):
        return tf.nn.local_response_normalization(
            x, layer.depth_radius, layer.bias, layer.alpha, layer.beta
        )

    @tf.custom_gradient
    def identity(x):
        return forward(x), lambda upstream: upstream

    return Function(identity if lrn == "identity" else forward, name=layer.name)


def override(model, method, lrn, gates):
    """A clone with the same weights and other gradients."""
    relu = _relu(method)

    def clone(layer):
        kind = type(layer).__name__
        if other := generalised.frozen(layer, method, gates):
            return other
        if function := generalised.activation(layer, method):
            return Function(function, name=layer.name)
        if kind == "MaxPoolWithArgmax":
            return _pool(layer)
        if kind == "LocalResponseNormalization":
            return _lrn(layer, lrn)
        if kind == "ReLU":
            top = layer.max_value
            cut = _clipped(relu, top)
            function = relu if top is None else (lambda x: cut(x, method))
            return Function(function, name=layer.name)
        if kind == "Softmax":
            return Function(keras.activations.linear, name=layer.name)
        copy = type(layer).from_config(layer.get_config())
        own = getattr(layer, "activation", None)
        name = getattr(own, "__name__", None)
        if function := generalised.activation(own, method):
            copy.activation = function
        if name == "relu":
            copy.activation = relu
        elif name == "softmax":
            copy.activation = keras.activations.linear
        return copy

    def call(operation, *args, **kwargs):
        if type(operation).__name__ == "Relu":
            return Function(relu, name=operation.name)(*args)
        if function := generalised.activation(operation, method):
            return Function(function, name=operation.name)(*args)
        return operation(*args, **kwargs)

    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs[0], model.outputs[0])
    twin = keras.models.clone_model(
        model, clone_function=clone, call_function=call, recursive=True
    )
    for own, given in zip(twin.weights, model.weights, strict=True):
        own.assign(given)
    return twin


def project(model, images, seed, find, method="deconvnet", lrn="identity", gates=None):
    """Takes `seed` (n, ...), in the shape of a layer's output, down to the pixels.

    Args:
        model: any functional model of layers that TensorFlow can differentiate.
        images: float array (n, height, width, channels).
        seed: function of the layer's output, a NumPy array, to what goes down.
        find: function of a model to the symbolic tensor of the layer in it.
        method: "deconvnet", "guided" or "gradient".
        lrn: "identity" or "gradient".
        gates: name of a product -> numbers of the factors that are gates, if those are
            not the factors of one pixel.
    """
    twin = override(model, method, lrn, gates or {})
    part = keras.Model(twin.inputs[0], find(twin))
    dtype = twin.inputs[0].dtype
    x = tf.convert_to_tensor(images, dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        maps = part(x, training=False)
    start = np.asarray(seed(maps.numpy()), dtype)
    return tape.gradient(maps, x, output_gradients=tf.constant(start)).numpy()
