"""Features of all seven layers from JPEGs on disk: ours, and what users would write.

All read, decode, compute and write float16 features of each layer. The peers are in
`benchmarks.feature_peers`. A plain forward pass over images in memory shows what the
network alone takes.
"""

import itertools
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.checks import check_answers
from benchmarks.comparison import Comparison, is_installed
from benchmarks.feature_peers import FeatureWork, extract_by_keras, extract_by_torch
from benchmarks.photographs import write_photographs
from benchmarks.precisions import compare, fast_policies, with_policy
from benchmarks.timing import interleaved
from transfer.features.extraction import extract
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source
from zfkeras.models.classifier import Classifier
from zfkeras.models.presets import load
from zfkeras.models.zfnet import ZFNet

# Name, images, their size (width, height), batch size.
SCALES = [("zfnet", 1024, (500, 375), 32), ("zfnet_quarter", 6144, (64, 64), 128)]
OURS, PLAIN = "features of layers 1-7, from files", "forward pass, images in memory"
KERAS = "Keras image_dataset_from_directory + predict"
TORCH = "PyTorch DataLoader + create_feature_extractor"
# How far features may be apart: the peers resize and decode in ways of their own.
TOLERANCE = 0.1


def run() -> list[Comparison]:
    """Both networks, each with files of the size it is made for."""
    classifiers = {"zfnet": untrained, "zfnet_quarter": lambda: load("quarter")}
    rows = []
    for name, count, size, batch_size in SCALES:
        with tempfile.TemporaryDirectory() as folder:
            images = Path(folder) / "images" / "train"
            write_photographs(images, count, size)
            work = FeatureWork(classifiers[name](), images, batch_size, count)
            what = f"{name}, {count} JPEGs of {size[0]}x{size[1]}"
            rows += _compare(work, what, Path(folder))
    return rows


def untrained() -> Classifier:
    """The full network with random weights, ready for images."""
    names = [f"class {number}" for number in range(1000)]
    mean_image = np.full((256, 256, 3), 120, np.float32)
    return Classifier(ZFNet(), Preprocessing(mean_image, 224), names, {})


def _compare(work, what, folder):
    contenders = {
        (policy, name): contender
        for policy in fast_policies()
        for name, contender in _contenders(work, policy, folder).items()
    }
    return compare(
        interleaved(contenders, repeats=2, warmup=0),  # warm by the checks
        "features",
        what,
        OURS,
        {PLAIN: 0.85, KERAS: 1.0, TORCH: 1.0},
        images=work.count,
        note="All but the forward pass write float16 features of every layer to disk.",
    )


def _contenders(work, policy, folder):
    model = with_policy(work.classifier.model, policy)
    classifier = Classifier(
        model, work.classifier.preprocessing, work.classifier.class_names, {}
    )
    split = open_source(f"folder:{work.images.parent}").split("train")
    runs = itertools.count()
    network = tf.function(lambda images: model(images, training=False))
    shape = (work.batch_size, *model.input_shape[1:])
    images = tf.random.stateless_normal(shape, seed=(0, 0), stddev=60.0)

    def ours():
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            found = extract(
                classifier,
                split,
                work.layers,
                Path(cache),
                data=f"run {next(runs)}",
                batch_size=work.batch_size,
            )
            return [found.layers[layer][: work.batch_size] for layer in work.layers]

    def plain():
        for _ in range(work.count // work.batch_size):
            network(images).numpy()

    contenders = {KERAS: extract_by_keras(work, policy, folder)}
    if is_installed("torchvision"):
        contenders[TORCH] = extract_by_torch(work, policy, folder)
    plain()
    wanted = ours()
    for peer, contender in contenders.items():
        for layer, found in zip(wanted, contender(), strict=True):
            check_answers(peer, found, layer, TOLERANCE)
    return {OURS: ours, PLAIN: plain, **contenders}
