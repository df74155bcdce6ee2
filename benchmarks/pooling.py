"""MaxPoolWithArgmax and Unpool against TensorFlow's own operations."""

import tensorflow as tf

from benchmarks.operations import forward_and_gradient
from benchmarks.timing import as_lines, interleaved
from zfkeras.layers import MaxPoolWithArgmax, Unpool

SHAPE = (32, 110, 110, 96)  # conv1 of ZFNet, batch 32


def run():
    """Returns (printed lines, results): pool and unpool, and pool with its gradient."""
    x = tf.random.stateless_normal(SHAPE, seed=(0, 0))
    pool, unpool = MaxPoolWithArgmax(3, 2, "same"), Unpool(3, 2, "same")

    @tf.function
    def ours():
        return unpool(pool(x), output_size=SHAPE[1:3])

    @tf.function
    def tensorflow_scatter():
        pooled, argmax = tf.nn.max_pool_with_argmax(
            x, 3, 2, "SAME", include_batch_in_index=True
        )
        flat = tf.scatter_nd(
            tf.reshape(argmax, [-1, 1]), tf.reshape(pooled, [-1]), [tf.size(x)]
        )
        return tf.reshape(flat, SHAPE)

    there_and_back = interleaved(
        {
            "MaxPoolWithArgmax + Unpool": ours,
            "max_pool_with_argmax + scatter_nd": tensorflow_scatter,
        }
    )
    training = interleaved(
        {
            "MaxPoolWithArgmax, forward + gradient": forward_and_gradient(
                lambda x: pool(x)[0], x
            ),
            "tf.nn.max_pool2d, forward + gradient": forward_and_gradient(
                lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"), x
            ),
        }
    )
    size = "x".join(map(str, SHAPE))
    lines = as_lines(f"pool and unpool, {size}, 3x3/2", there_and_back)
    lines += as_lines(f"pool in training, {size}, 3x3/2", training)
    return lines, {"pool_unpool": there_and_back, "pool_gradient": training}
