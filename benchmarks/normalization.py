"""LocalResponseNormalization against TensorFlow's operation."""

import tensorflow as tf

from benchmarks.timing import as_lines, interleaved
from zfkeras.layers import LocalResponseNormalization

SHAPE = (32, 55, 55, 96)  # norm1 of ZFNet, batch 32


def run():
    """Returns (printed lines, results): forward and gradient."""
    x = tf.random.stateless_normal(SHAPE, seed=(0, 0))
    layer = LocalResponseNormalization()

    def with_gradient(forward):
        @tf.function
        def both():
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = forward(x)
            return y, tape.gradient(y, x)

        return both

    timings = interleaved(
        {
            "LocalResponseNormalization": with_gradient(layer),
            "tf.nn.local_response_normalization": with_gradient(
                lambda x: tf.nn.local_response_normalization(x, 2, 2.0, 1e-4, 0.75)
            ),
        }
    )
    size = "x".join(map(str, SHAPE))
    lines = as_lines(f"LRN, forward + gradient, {size}", timings)
    return lines, {"lrn_gradient": timings}
