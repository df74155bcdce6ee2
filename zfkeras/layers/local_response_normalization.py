"""Local response normalisation across channels (AlexNet's contrast normalisation)."""

import functools
from numbers import Integral

import keras
from keras import ops

from zfkeras.layers._backend import compiled, with_gradient, with_shape
from zfkeras.layers._windows import axis_length


@keras.saving.register_keras_serializable(package="zfkeras")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each activation by the energy of its neighbouring channels.

    For the activations a of one position, channel c becomes::

        a_c / (bias + alpha * sum of a_j^2 over |j - c| <= depth_radius) ^ beta

    Krizhevsky et al. 2012, sec. 3.3, with their constants as defaults; Zeiler & Fergus
    2014 refer to it and give none. Alpha is *not* divided by the number of channels, as
    in `tf.nn.local_response_normalization` and unlike cuda-convnet and ONNX. It always
    computes in float32, since squares overflow float16, and returns the compute dtype.

    Args:
        depth_radius: neighbours on either side; 2 (default) is AlexNet's n = 5.
        bias: the constant k, above 0.
        alpha: weight of the squared neighbours.
        beta: exponent.
        **kwargs: `name`, `dtype` and what else `keras.layers.Layer` takes.

    Call arguments:
        inputs: tensor (..., channels).

    Returns:
        float tensor of the same shape, in the compute dtype.

    Raises:
        ValueError: `depth_radius` is negative or `bias` is not above 0.

    Example:
        >>> x = keras.ops.ones((1, 1, 1, 1))
        >>> y = LocalResponseNormalization(alpha=2.0, beta=0.5)(x)
        >>> float(y[0, 0, 0, 0])
        0.5
    """

    def __init__(self, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(depth_radius, Integral) and depth_radius >= 0):
            raise ValueError(
                "`depth_radius` must be a whole number from 0. "
                f"Received: depth_radius={depth_radius!r}."
            )
        if not bias > 0:
            raise ValueError(f"`bias` must be above 0. Received: bias={bias!r}.")
        self.depth_radius = int(depth_radius)
        self.bias = float(bias)
        self.alpha = float(alpha)
        self.beta = float(beta)

    def call(self, inputs):
        # Whole numbers are not autocast, and would come back cut to whole numbers.
        normalized = _normalize(ops.cast(inputs, self.compute_dtype), self._constants)
        return with_shape(normalized, inputs.shape)

    def run_forward(self, inputs):
        """Does what a call does, but no gradient passes through.

        For graphs that are traced for each image size: TensorFlow keeps gradients that
        are defined in a graph for ever.
        """
        return _kernels(self._constants)[0](ops.cast(inputs, self.compute_dtype))

    @property
    def _constants(self):
        return self.depth_radius, self.bias, self.alpha, self.beta

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "depth_radius": self.depth_radius,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
        }


def _normalize(x, constants):
    forward, backward = _kernels(constants)
    return with_gradient(lambda x: (forward(x), lambda dy: backward(x, dy)), x)


@functools.lru_cache(maxsize=32)
def _kernels(constants):
    """Returns the forward and backward pass, each one fused loop.

    The gradient recomputes the energies: reading x again costs less than keeping them,
    and TensorFlow's own kernel is four times slower on a CPU.
    """
    radius, bias, alpha, beta = constants

    def window_sum(x):
        padded = ops.pad(x, [[0, 0]] * (len(x.shape) - 1) + [[radius, radius]])
        channels = axis_length(x, -1)
        return sum(padded[..., i : i + channels] for i in range(2 * radius + 1))

    def factor(energy):
        if beta == 0.75:  # two square roots are five times as fast as a power
            root = ops.rsqrt(energy)
            return root * ops.sqrt(root)
        return ops.power(energy, -beta)

    def forward(x):
        wide = ops.cast(x, "float32")
        energy = bias + alpha * window_sum(ops.square(wide))
        return ops.cast(wide * factor(energy), x.dtype)

    def backward(x, dy):
        wide, upstream = ops.cast(x, "float32"), ops.cast(dy, "float32")
        energy = bias + alpha * window_sum(ops.square(wide))
        scale = factor(energy)
        shared = window_sum(upstream * wide * scale / energy)
        return ops.cast(upstream * scale - 2 * alpha * beta * wide * shared, x.dtype)

    return compiled(forward), compiled(backward)
