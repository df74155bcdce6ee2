"""Training from files: how long until the network can take the images of an epoch.

Ours and the peers read the same folder, shuffled, and give batches of uint8 or float
images of one size. What a GPU would do (crop, mirror image, mean) is left out for all,
and counted in one contender of ours, for machines without a GPU. PyTorch's loader and
Grain have as many processes or threads as are fastest on some of the images; in ours
and in Keras's tf.data chooses the threads.
"""

import functools
import os
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.comparison import Comparison, is_installed
from benchmarks.feature_peers import WORKERS, load_by_torch
from benchmarks.photographs import write_photographs
from benchmarks.timing import find_fastest, interleaved
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.in_graph.crops import training_crops
from zfkeras.data.pipeline import training_batches
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source
from zfkeras.data.sources.prepared.preparing import prepare

# The number of processes is found on one image of so many.
TRIED = 8
BATCH_SIZE = 64
PREPARED, FILES = "input from prepared squares", "input from the files themselves"
HERE = "crops on this CPU, too"
KERAS, TORCH, GRAIN = (
    "Keras image_dataset_from_directory",
    "PyTorch DataLoader, torchvision",
    "Grain and Pillow",
)
PEERS = (KERAS, TORCH, GRAIN)
# Name, size (width, height) of the files, their number, square, crop, smallest area.
SCALES = [
    ("zfnet", (500, 375), 2048, 256, 224, None),
    ("zfnet_quarter", (64, 64), 16384, 64, 56, 0.35),
]


def run() -> list[Comparison]:
    """The input of both networks."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            row for scale in SCALES for row in _compare(Path(folder) / scale[0], *scale)
        ]


def _compare(folder, name, file_size, count, size, crop, area):
    images = folder / "files" / "train"
    write_photographs(images, count, file_size)
    files = open_source(f"folder:{folder / 'files'}")
    prepared = prepare(files, folder / "prepared", size)
    preprocessing = Preprocessing(np.full((size, size, 3), 120.0), crop, 1.0, area)
    epochs = {
        PREPARED: lambda: _ours(prepared, preprocessing),
        HERE: lambda: _ours(prepared, preprocessing, crop_here=True),
        FILES: lambda: _ours(files, preprocessing),
        KERAS: lambda: _keras(images, size),
    }
    if is_installed("torchvision"):
        epochs[TORCH] = _torch(images, size, crop, count)
    if is_installed("grain"):
        epochs[GRAIN] = _grain(images, size, crop, count)
    for contender, epoch in epochs.items():
        _check(contender, epoch(), count)
    contenders = {key: functools.partial(_run, epoch) for key, epoch in epochs.items()}
    times = interleaved(contenders, repeats=2, warmup=0)  # warm by the checks
    of_ours = {PREPARED: [PREPARED, HERE], FILES: [FILES]}
    return [
        Comparison(
            f"{ours}, {name}, {count} of {file_size[0]}x{file_size[1]}",
            ours,
            {one: times[one] for one in times if one in shown or one in PEERS},
            dict.fromkeys(PEERS, 1.0),
            images=count,
        )
        for ours, shown in of_ours.items()
    ]


def _run(epoch):
    for _ in epoch():
        pass


def _check(contender, batches, count):
    """Raises AssertionError unless an epoch shows all images, in their colours."""
    found, grey = 0, 0.0
    for batch in batches:
        images = batch[0] if isinstance(batch, (tuple, list)) else batch
        images = images["image"] if isinstance(images, dict) else images
        found += len(images)
        grey += np.asarray(images, np.float32).mean() * len(images)
    assert count - BATCH_SIZE < found <= count, f"{contender}: {found} images"
    # Of colours 0 to 255 that are drawn evenly.
    if contender != HERE:  # the mean is subtracted there
        assert 120 < grey / found < 135, f"{contender}: a mean colour of {grey / found}"


def _ours(source, preprocessing, crop_here=False):
    split = source.split("train")
    batches = training_batches(
        split,
        preprocessing,
        BATCH_SIZE,
        seed=0,
        epoch=0,
        bad_images=BadImages(split.num_examples),
    )
    if crop_here:
        crop = tf.function(
            lambda images, windows: training_crops(preprocessing, images, windows),
            jit_compile=True,
        )
        return (crop(batch["image"], batch["window"]) for batch in batches)
    return batches


def _keras(folder, size):
    return keras.utils.image_dataset_from_directory(
        folder,
        batch_size=BATCH_SIZE,
        image_size=(size, size),
        crop_to_aspect_ratio=True,
        seed=0,
        verbose=False,
    )


def _torch(folder, size, crop, count):
    import torch
    from torchvision import datasets
    from torchvision.transforms import v2

    cut = [v2.Resize(size), v2.RandomCrop(crop)]
    if size == crop + 8:  # the quarter's, which change the scale
        cut = [v2.RandomResizedCrop(crop, (0.35, 1), antialias=True)]
    transform = v2.Compose([*cut, v2.RandomHorizontalFlip(), v2.PILToTensor()])
    images = datasets.ImageFolder(folder, transform)
    some = torch.utils.data.Subset(images, range(count // TRIED))
    tried = {n: load_by_torch(some, BATCH_SIZE, n, shuffle=True) for n in WORKERS}
    workers = find_fastest(tried, lambda loader: _run(lambda: loader))
    loader = load_by_torch(images, BATCH_SIZE, workers, shuffle=True)
    return lambda: loader


def _grain(folder, size, crop, count):
    import grain.python as grain

    paths = [str(path) for path in sorted(folder.glob("*/*.jpg"))]
    load = functools.partial(_load_for_grain, size=size, crop=crop)

    def epoch(paths, threads, processes):
        images = grain.MapDataset.source(paths).shuffle(seed=0).random_map(load, seed=0)
        options = grain.ReadOptions(num_threads=threads)
        batches = images.to_iter_dataset(options).batch(BATCH_SIZE)
        if processes:
            several = grain.MultiprocessingOptions(num_workers=processes)
            batches = batches.mp_prefetch(several)
        return batches

    settings = {(threads, 0): (threads, 0) for threads in (1, 2, 4, 16)}
    settings[16, len(os.sched_getaffinity(0))] = (16, len(os.sched_getaffinity(0)))
    some = paths[: count // TRIED]
    best = find_fastest(settings, lambda setting: _run(lambda: epoch(some, *setting)))
    return lambda: epoch(paths, *best)


def _load_for_grain(path, random, size, crop):
    with Image.open(path) as image:
        scale = size / min(image.size)
        shape = [round(side * scale) for side in image.size]
        image = image.convert("RGB").resize(shape, Image.Resampling.BILINEAR)
    top, left = random.integers(0, size - crop + 1, 2)
    pixels = np.asarray(image)[top : top + crop, left : left + crop]
    return pixels[:, :: random.choice((-1, 1))]
