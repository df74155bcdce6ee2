"""Features as users of Keras and PyTorch would write them, without this project."""

import dataclasses
import multiprocessing
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import zfkeras
from benchmarks.keras_twin import keras_twin
from benchmarks.timing import find_fastest
from zfkeras.models.classifier import Classifier

# Processes that PyTorch's loader is tried with, on a part of the images.
WORKERS = (0, 1, 2, 4)
TRIED = 128


@dataclasses.dataclass(frozen=True)
class FeatureWork:
    """The task of all contenders: features of the files in `images`, in their order."""

    classifier: Classifier
    images: Path
    batch_size: int
    count: int

    @property
    def layers(self) -> dict[int, str]:
        """The paper's number -> name of all seven layers."""
        ends = zfkeras.endpoints(self.classifier)
        return {number: end.layer_name for number, end in ends.items()}

    @property
    def sizes(self) -> tuple[int, int, np.ndarray, float]:
        """Side of the square, side of its centre crop, that crop's mean, the scale."""
        preprocessing = self.classifier.preprocessing
        side, crop = preprocessing.image_size, preprocessing.input_shape[0]
        start = (side - crop) // 2
        mean = preprocessing.mean_image[start : start + crop, start : start + crop]
        return side, crop, mean.astype(np.float32), preprocessing.input_scale


def extract_by_keras(work: FeatureWork, policy: str, folder: Path):
    """Returns the function that predicts with a model of seven outputs, and saves.

    Its threads are tf.data's choice (`AUTOTUNE`).
    """
    side, crop, mean, scale = work.sizes
    twin = keras_twin(work.classifier.model, policy)
    tensors = [twin.get_layer(name).output for name in work.layers.values()]
    model = keras.Model(
        twin.inputs, [keras.ops.cast(tensor, "float16") for tensor in tensors]
    )

    def prepare(images):
        images = keras.ops.image.crop_images(images, **_centre(side, crop))
        return (images - mean) * scale

    def features():
        images = keras.utils.image_dataset_from_directory(
            work.images,
            labels=None,
            shuffle=False,
            batch_size=work.batch_size,
            image_size=(side, side),
            crop_to_aspect_ratio=True,
            verbose=False,
        )
        images = images.map(prepare, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
        found = model.predict(images, verbose=0)
        for layer, values in zip(work.layers, found, strict=True):
            np.save(folder / f"keras-{layer}.npy", values)
        return [values[: work.batch_size] for values in found]

    return features


def _centre(side, crop):
    start = (side - crop) // 2
    place = {"top_cropping": start, "left_cropping": start}
    return {**place, "target_height": crop, "target_width": crop}


def extract_by_torch(work: FeatureWork, policy: str, folder: Path):
    """Returns the function that runs torchvision's feature extractor, and saves.

    The loader has as many processes as are fastest on some of the images.
    """
    import torch
    from torchvision import datasets
    from torchvision.models.feature_extraction import create_feature_extractor
    from torchvision.transforms import v2

    from benchmarks.torch_twin import autocast, torch_twin

    side, crop, mean, scale = work.sizes
    twin = torch_twin(work.classifier.model, policy)
    modules = dict(twin.named_children())
    nodes = {  # where a ReLU is a module of its own, it ends the layer
        (f"{name}_relu" if f"{name}_relu" in modules else name): str(layer)
        for layer, name in work.layers.items()
    }
    model = create_feature_extractor(twin, nodes)
    transform = v2.Compose([v2.Resize(side), v2.CenterCrop(crop), v2.PILToTensor()])
    images = datasets.ImageFolder(work.images, transform)
    mean = torch.from_numpy(mean).permute(2, 0, 1)

    def features(loader):
        arrays = {}
        start = 0
        for batch, _ in loader:
            batch = (batch.float() - mean) * scale
            batch = batch.contiguous(memory_format=torch.channels_last)
            with torch.inference_mode(), autocast(policy):
                found = model(batch)
            for layer, values in found.items():
                values = values.movedim(1, -1).half().numpy()
                if layer not in arrays:
                    arrays[layer] = np.lib.format.open_memmap(
                        folder / f"torch-{layer}.npy",
                        "w+",
                        np.float16,
                        (len(loader.dataset), *values.shape[1:]),
                    )
                arrays[layer][start : start + len(values)] = values
            start += len(values)
        return [arrays[str(layer)][: work.batch_size] for layer in work.layers]

    some = torch.utils.data.Subset(images, range(min(TRIED, len(images))))
    tried = {n: load_by_torch(some, work.batch_size, n) for n in WORKERS}
    loader = load_by_torch(images, work.batch_size, find_fastest(tried, features))
    return lambda: features(loader)


def load_by_torch(images, batch_size: int, workers: int, **settings):
    """Makes PyTorch's loader, of processes that stay and so are started only once."""
    import torch

    if not workers:
        return torch.utils.data.DataLoader(images, batch_size, **settings)
    # A process that holds TensorFlow's threads must not be forked: another one is.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["torchvision.datasets", "torchvision.transforms.v2"]
    )
    return torch.utils.data.DataLoader(
        images,
        batch_size,
        num_workers=workers,
        multiprocessing_context=context,
        persistent_workers=True,
        **settings,
    )
