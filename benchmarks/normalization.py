"""LocalResponseNormalization against TensorFlow's operation."""

import tensorflow as tf

from benchmarks.comparison import Comparison
from benchmarks.operations import forward_and_gradient
from benchmarks.timing import interleaved
from zfkeras.layers import LocalResponseNormalization

SHAPE = (32, 55, 55, 96)  # norm1 of ZFNet, batch 32
OURS, TENSORFLOW = "LocalResponseNormalization", "tf.nn.local_response_normalization"


def run() -> list[Comparison]:
    """Forward and gradient."""
    x = tf.random.stateless_normal(SHAPE, seed=(0, 0))
    layer = LocalResponseNormalization()

    def operation(x):
        return tf.nn.local_response_normalization(x, 2, 2.0, 1e-4, 0.75)

    contenders = {
        OURS: forward_and_gradient(layer, x),
        TENSORFLOW: forward_and_gradient(operation, x),
    }
    size = "x".join(map(str, SHAPE))
    title = f"LRN, forward and gradient, {size}"
    return [Comparison(title, OURS, interleaved(contenders))]
