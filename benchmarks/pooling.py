"""MaxPoolWithArgmax and Unpool against TensorFlow's and PyTorch's own operations."""

import tensorflow as tf

from benchmarks.comparison import Comparison, is_installed
from benchmarks.operations import forward_and_gradient
from benchmarks.timing import interleaved
from zfkeras.layers import MaxPoolWithArgmax, Unpool

SHAPE = (32, 110, 110, 96)  # conv1 of ZFNet, batch 32
OURS, SCATTER = "MaxPoolWithArgmax + Unpool", "max_pool_with_argmax + scatter_nd"
TORCH, TORCH_LAST = "PyTorch MaxUnpool2d", "PyTorch MaxUnpool2d, channels last"


def run() -> list[Comparison]:
    """Pool and unpool; and pool with its gradient, as in training."""
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

    contenders = {OURS: ours, SCATTER: tensorflow_scatter}
    if is_installed("torch"):
        contenders |= _torch(x.numpy())
    plain = "tf.nn.max_pool2d, forward + gradient"
    layer = "MaxPoolWithArgmax, forward + gradient"
    training = {
        layer: forward_and_gradient(lambda x: pool(x)[0], x),
        plain: forward_and_gradient(lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"), x),
    }
    size = "x".join(map(str, SHAPE))
    return [
        Comparison(
            f"pool and unpool, {size}, 3x3/2",
            OURS,
            interleaved(contenders),
            {SCATTER: 3.5, TORCH: 1.2, TORCH_LAST: 1.2},
            note="PyTorch keeps one value where windows share a maximum; ours adds.",
        ),
        Comparison(f"pool in training, {size}, 3x3/2", layer, interleaved(training)),
    ]


def _torch(x):
    import torch

    from benchmarks.torch_twin import as_torch

    # One row and column over the end, as TensorFlow's "same" has it here.
    pool = torch.nn.MaxPool2d(3, 2, ceil_mode=True, return_indices=True)
    unpool = torch.nn.MaxUnpool2d(3, 2)

    def there_and_back(images):
        def work():
            with torch.no_grad():
                return unpool(*pool(images), output_size=images.shape[2:])

        return work

    images = as_torch(x)
    return {
        TORCH: there_and_back(images.contiguous()),
        TORCH_LAST: there_and_back(images),
    }
