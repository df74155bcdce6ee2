"""A training step at both scales, a stock Keras twin, and the input it needs."""

import io

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.timing import as_lines, interleaved
from zfkeras.data.bad_images import BadImages
from zfkeras.data.pipeline import training_batches
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.splits import ListedSplit
from zfkeras.models.variants import find_variant
from zfkeras.models.zfnet import ZFNet
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.step import make_optimizer, make_train_step

# Variant, classes, batch, and the size (width, height) of the files it is fed from.
SCALES = [
    ("zfnet_quarter", 200, 128, (64, 64)),
    ("zfnet", 1000, 32, (500, 375)),
]
INPUT = "input, JPEG to batch"
# More than the pipeline holds ready, so that most are made while they are timed.
INPUT_BATCHES = 24


def run():
    """Returns (printed lines, results)."""
    lines, results = [], {}
    for variant, num_classes, batch_size, file_size in SCALES:
        timings = interleaved(
            {
                "training step": _step(_ours(variant, num_classes), batch_size),
                "training step, bfloat16": _step(
                    _ours(variant, num_classes, "mixed_bfloat16"), batch_size
                ),
                "training step, stock Keras layers": _step(
                    _stock(variant, num_classes), batch_size
                ),
            }
        )
        # Apart: in turns with the steps, it would fetch ahead while they run.
        timings |= interleaved({INPUT: _input(variant, batch_size, file_size)})
        images = dict.fromkeys(timings, batch_size)
        images[INPUT] *= INPUT_BATCHES
        lines += as_lines(f"{variant}, batch {batch_size}", timings, images)
        results[variant] = timings
    return lines, results


def _ours(variant, num_classes, dtype=None):
    return ZFNet(num_classes, variant=variant, dtype=dtype)


def _stock(variant, num_classes):
    """The same network of layers that Keras and TensorFlow bring."""

    def twin(layer):
        if layer.name.startswith("norm"):
            return keras.layers.Lambda(
                lambda x: tf.nn.local_response_normalization(x, 2, 2.0, 1e-4, 0.75),
                name=layer.name,
            )
        return type(layer).from_config(layer.get_config())

    spec = ZFNet(num_classes, variant=variant)
    inputs = keras.Input(spec.input_shape[1:])
    x = inputs
    for layer in spec.layers[1:]:
        if layer.name.startswith("pool"):
            windows = layer.windows
            x = keras.layers.MaxPooling2D(3, 2, windows.padding)(x)
        else:
            x = twin(layer)(x)
    return keras.Model(inputs, x)


def _step(model, batch_size):
    optimizer = make_optimizer(OptimizerConfig(), None)
    optimizer.build(model.trainable_variables)
    step = make_train_step(model, optimizer, tf.distribute.get_strategy())
    shape = (batch_size, *model.input_shape[1:])
    batch = {
        "image": tf.random.stateless_normal(shape, seed=(0, 0), stddev=60.0),
        "label": tf.range(batch_size, dtype=tf.int64) % model.output_shape[-1],
    }
    size = tf.constant(batch_size, tf.float32)
    return lambda: float(step(batch, size)[0])


def _input(variant, batch_size, file_size):
    """One batch out of a running pipeline that decodes one photograph-like JPEG."""
    spec = find_variant(variant)
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (24, 32, 3), np.uint8))
    file = io.BytesIO()
    coarse.resize(file_size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=92)
    encoded = file.getvalue()
    count = batch_size * 1000
    split = ListedSplit(
        np.arange(count).astype("S8"),
        np.zeros(count, np.int64),
        read_key=lambda _: encoded,
    )
    mean_image = np.full((spec.image_size, spec.image_size, 3), 120, np.float32)
    batches = training_batches(
        split,
        Preprocessing(mean_image, spec.crop_size),
        batch_size,
        seed=0,
        epoch=0,
        bad_images=BadImages(count),
    )
    stream = iter(batches)

    def some_batches():
        for _ in range(INPUT_BATCHES):
            next(stream)

    return some_batches
