"""LocalResponseNormalization against TensorFlow's operation."""

import tensorflow as tf

from benchmarks.operations import forward_and_gradient
from benchmarks.timing import as_lines, interleaved
from zfkeras.layers import LocalResponseNormalization

SHAPE = (32, 55, 55, 96)  # norm1 of ZFNet, batch 32


def run():
    """Returns (printed lines, results): forward and gradient."""
    x = tf.random.stateless_normal(SHAPE, seed=(0, 0))
    layer = LocalResponseNormalization()

    timings = interleaved(
        {
            "LocalResponseNormalization": forward_and_gradient(layer, x),
            "tf.nn.local_response_normalization": forward_and_gradient(
                lambda x: tf.nn.local_response_normalization(x, 2, 2.0, 1e-4, 0.75), x
            ),
        }
    )
    size = "x".join(map(str, SHAPE))
    lines = as_lines(f"LRN, forward + gradient, {size}", timings)
    return lines, {"lrn_gradient": timings}
