"""Training from files: processor time for each image until the network can take it.

Ours and the peers read the same folder, shuffled, and give batches of uint8 or float
images of one size. What a GPU would do (crop, mirror image, mean) is left out for all,
and counted in one contender of ours, for machines without a GPU. Peers in processes of
their own would need as much time and more; they run in this one.
"""

import resource
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks.comparison import Comparison, is_installed
from benchmarks.photographs import write_photographs
from benchmarks.timing import summarised
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.in_graph.crops import training_crops
from zfkeras.data.pipeline import training_batches
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source
from zfkeras.data.sources.prepared.preparing import prepare

BATCH_SIZE = 64
PREPARED, FILES = "prepared squares", "the files themselves"
HERE = "prepared squares, crops on this CPU"
KERAS, TORCH, GRAIN = (
    "Keras image_dataset_from_directory",
    "PyTorch DataLoader, torchvision",
    "Grain and Pillow",
)
# Name, size (width, height) of the files, their number, square, crop, smallest area.
SCALES = [
    ("zfnet", (500, 375), 4096, 256, 224, None),
    ("zfnet_quarter", (64, 64), 32768, 64, 56, 0.35),
]


def run() -> list[Comparison]:
    """The input of both networks."""
    with tempfile.TemporaryDirectory() as folder:
        return [_compare(Path(folder) / scale[0], *scale) for scale in SCALES]


def _compare(folder, name, file_size, count, size, crop, area):
    write_photographs(folder / "files" / "train", count, file_size)
    files = open_source(f"folder:{folder / 'files'}")
    prepared = prepare(files, folder / "prepared", size)
    preprocessing = Preprocessing(np.full((size, size, 3), 120.0), crop, 1.0, area)
    contenders = {
        PREPARED: lambda: _ours(prepared, preprocessing),
        HERE: lambda: _ours(prepared, preprocessing, crop_here=True),
        FILES: lambda: _ours(files, preprocessing),
        KERAS: lambda: _keras(folder / "files" / "train", size),
    }
    if is_installed("torchvision"):
        contenders[TORCH] = lambda: _torch(folder / "files" / "train", size, crop)
    if is_installed("grain"):
        contenders[GRAIN] = lambda: _grain(folder / "files" / "train", size, crop)
    return Comparison(
        f"input of {name}, {count} files of {file_size[0]}x{file_size[1]}, "
        "processor time",
        PREPARED,
        _processor_times(contenders),
        images=count,
        note=f"Preparing makes squares of {size} pixels once.",
    )


def _processor_times(contenders, repeats=3):
    """Processor seconds of functions that yield batches, in turns, to their ends."""
    seconds = {name: [] for name in contenders}
    for repeat in range(repeats + 1):
        for name, contender in contenders.items():
            started = _processor_seconds()
            for _ in contender():
                pass
            if repeat:  # the first traces and fills caches
                seconds[name].append(_processor_seconds() - started)
    return {name: summarised(values) for name, values in seconds.items()}


def _processor_seconds():
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


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


def _torch(folder, size, crop):
    import torch
    from torchvision import datasets
    from torchvision.transforms import v2

    cut = [v2.Resize(size), v2.RandomCrop(crop)]
    if size == crop + 8:  # the quarter's, which change the scale
        cut = [v2.RandomResizedCrop(crop, (0.35, 1), antialias=True)]
    transform = v2.Compose([*cut, v2.RandomHorizontalFlip(), v2.PILToTensor()])
    images = datasets.ImageFolder(folder, transform)
    return torch.utils.data.DataLoader(images, BATCH_SIZE, shuffle=True)


def _grain(folder, size, crop):
    import grain.python as grain
    from PIL import Image

    paths = sorted(folder.glob("*/*.jpg"))

    def load(path, random):
        with Image.open(path) as image:
            scale = size / min(image.size)
            shape = [round(side * scale) for side in image.size]
            image = image.convert("RGB").resize(shape, Image.Resampling.BILINEAR)
        top, left = random.integers(0, size - crop + 1, 2)
        pixels = np.asarray(image)[top : top + crop, left : left + crop]
        return pixels[:, :: random.choice((-1, 1))]

    images = grain.MapDataset.source(paths).shuffle(seed=0).random_map(load, seed=0)
    return images.to_iter_dataset().batch(BATCH_SIZE)
