"""Features of all seven layers from JPEGs on disk, against a plain forward pass."""

import itertools
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.comparison import Comparison
from benchmarks.photographs import write_photographs
from benchmarks.timing import interleaved
from transfer.features.extraction import extract
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source
from zfkeras.models.classifier import Classifier
from zfkeras.models.presets import load
from zfkeras.models.zfnet import ZFNet

OURS, PLAIN = "features of layers 1-7, from files", "forward pass, images in memory"


def run() -> list[Comparison]:
    """Both networks, each with files of the size it is made for."""
    full = untrained()
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "64", Path(folder) / "500"
        return [
            _compare("zfnet", full, 1536, (500, 375), 32, large),
            _compare("zfnet_quarter", load("quarter"), 8192, (64, 64), 128, small),
        ]


def untrained() -> Classifier:
    """The full network with random weights, ready for images."""
    names = [f"class {number}" for number in range(1000)]
    mean_image = np.full((256, 256, 3), 120, np.float32)
    return Classifier(ZFNet(), Preprocessing(mean_image, 224), names, {})


def _compare(name, classifier, count, size, batch_size, folder):
    write_photographs(folder / "train", count, size)
    split = open_source(f"folder:{folder}").split("train")
    runs = itertools.count()
    network = tf.function(lambda images: classifier.model(images, training=False))
    shape = (batch_size, *classifier.model.input_shape[1:])
    images = tf.random.stateless_normal(shape, seed=(0, 0), stddev=60.0)

    def ours():
        with tempfile.TemporaryDirectory(dir=folder.parent) as cache:
            extract(
                classifier,
                split,
                range(1, 8),
                Path(cache),
                data=f"run {next(runs)}",
                batch_size=batch_size,
            )

    def plain():
        for _ in range(count // batch_size):
            network(images).numpy()

    return Comparison(
        f"features, {name}, {count} JPEGs of {size[0]}x{size[1]}",
        OURS,
        interleaved({OURS: ours, PLAIN: plain}, repeats=5, warmup=1),
        {PLAIN: 0.85},
        images=count,
        note="Ours decodes, and writes float16 features of every layer to disk.",
    )
