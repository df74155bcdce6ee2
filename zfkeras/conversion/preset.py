"""A foreign network as a `Classifier`: with mean image, class names and RGB input."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zfkeras.conversion.build import build_model
from zfkeras.conversion.network import Convention, Network
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import UsageError
from zfkeras.models.classifier import Classifier

# The paper's 256 pixels for crops of 224.
_IMAGE_TO_CROP = 256 / 224


@dataclasses.dataclass(frozen=True, eq=False)
class Settings:
    """What a user says of a foreign file; `None` means as in the file.

    `mean` is (3,) or (3, height, width), in the network's order of channels.
    """

    mean: np.ndarray | None = None
    channels: str | None = None
    scale: Sequence[float] | None = None
    crop_size: int | None = None
    image_size: int | None = None
    class_names: Sequence[str] | None = None


def make_classifier(network: Network, settings: Settings, made: dict) -> Classifier:
    """Builds the classifier of a foreign network, for RGB images.

    Order of channels and factors that differ by channel go into the first filters.
    """
    crop_size = _crop_size(network, settings)
    convention = convention_of(network, settings)
    mean, scale = convention.mean, convention.scale
    is_bgr = convention.is_bgr
    if mean is None:
        raise UsageError(
            "--mean must be given: the file does not say what is subtracted from "
            "images (B,G,R numbers or a .binaryproto; 0,0,0 for nothing)."
        )
    if not (np.isfinite(mean).all() and np.isfinite(scale).all() and scale.all()):
        raise UsageError("--mean and --input-scale must be finite, the scale not 0.")
    uniform = bool((scale == scale[0]).all())
    model = build_model(
        _reading_rgb(network, is_bgr, None if uniform else scale), crop_size
    )
    preprocessing = Preprocessing(
        _mean_image(mean[::-1] if is_bgr else mean, network, settings, crop_size),
        crop_size,
        float(scale[0]) if uniform else 1.0,
    )
    names = _class_names(network, settings, model.output_shape[-1])
    return Classifier(model, preprocessing, names, made)


def convention_of(network: Network, settings: Settings) -> Convention:
    """Returns the foreign network's preprocessing, in its own order of channels."""
    scale = network.scale if settings.scale is None else settings.scale
    is_rgb = network.is_rgb
    if settings.channels is not None:
        is_rgb = settings.channels == "rgb"
    return Convention(
        network.mean if settings.mean is None else settings.mean,
        np.broadcast_to(np.asarray(scale, np.float32), (3,)),
        not is_rgb,
    )


def read_class_names(path: Path) -> tuple[str, ...]:
    """Reads class names from UTF-8 text, one per line, as Caffe's synset_words.txt."""
    try:
        names = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as err:
        raise UsageError(
            f"--class-names must be UTF-8 text. Received: {path}."
        ) from err
    names = [name.strip() for name in names]
    if not names or not all(names):
        raise UsageError(f"--class-names must have a name on each line: {path}.")
    return tuple(names)


def _crop_size(network, settings) -> int:
    size = settings.crop_size or network.crop_size
    if size is None:
        raise UsageError("--crop-size must be given: the file does not say it.")
    if settings.crop_size and network.crop_size not in (None, settings.crop_size):
        raise UsageError(
            f"--crop-size must be {network.crop_size}, as in the file. "
            f"Received: {settings.crop_size}."
        )
    return size


def _reading_rgb(network, is_bgr, scale) -> Network:
    first, *others = network.operations
    kernel = getattr(first, "kernel", None)
    if kernel is None or kernel.ndim != 4 or kernel.shape[2] != 3:
        raise UsageError(f"{first.where} must be a convolution of three channels.")
    if scale is not None:
        kernel = kernel * scale[:, None]
    if is_bgr:
        kernel = kernel[:, :, ::-1]
    first = dataclasses.replace(first, kernel=np.ascontiguousarray(kernel))
    return dataclasses.replace(network, operations=(first, *others))


def _mean_image(mean, network, settings, crop_size) -> np.ndarray:
    """Returns the mean in RGB as an image (size, size, 3)."""
    mean = mean.reshape(3, 1, 1) if mean.ndim == 1 else mean
    sides = {*mean.shape[1:]}
    asked = settings.image_size or network.image_size
    size = asked or round(crop_size * _IMAGE_TO_CROP)
    if sides != {1}:
        size = mean.shape[1]
        if sides != {size} or asked not in (None, size):
            raise UsageError(
                f"the mean image must be a square of --image-size {asked or size} "
                f"pixels. Received: {mean.shape[1]}x{mean.shape[2]}."
            )
    if size < crop_size:
        raise UsageError(
            f"--image-size must be at least the crop's {crop_size} pixels. "
            f"Received: {size}."
        )
    planes = np.broadcast_to(mean, (3, size, size))
    return np.ascontiguousarray(planes.transpose(1, 2, 0), np.float32)


def _class_names(network, settings, number) -> tuple[str, ...]:
    names = settings.class_names or network.class_names
    if names is None:
        names = [f"class {i}" for i in range(number)]
    if len(names) != number:
        raise UsageError(
            f"--class-names must name {number} classes. Received: {len(names)}."
        )
    return tuple(names)
