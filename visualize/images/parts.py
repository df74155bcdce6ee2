"""Reads where the same parts lie in several images: a JSON file, or built-in shapes."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from visualize.figures.correspondence.sign_table import RANDOM
from zfkeras.data.files.archives import Files, open_files
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.decoding import centre_square, decode
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.sources import shapes
from zfkeras.errors import UsageError

# Stars have three spikes that stay the same however they are turned (up to 20 degrees).
SHAPE = "star"


@dataclasses.dataclass(frozen=True, eq=False)
class ImageWithParts:
    """An image, and where its parts lie in the centre crop."""

    name: str  # of its file
    square: np.ndarray  # uint8 array (image_size, image_size, 3)
    parts: dict[str, np.ndarray]


def part_title(name: str) -> str:
    """Names a part in tables: "right eye" for right_eye."""
    return name.replace("_", " ")


def read_parts(path: Path) -> dict[str, dict[str, list[float]]]:
    """Reads a JSON file of points or boxes: image -> part -> 2 or 4 fractions."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"--parts: there is no file {path}.")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as err:
        raise UsageError(f"--parts: {path} is no JSON file: {err}.") from err
    found = content.get("parts") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or len(found) < 2:
        raise UsageError(
            f'--parts: {path} must hold {{"parts": {{image: {{part: [x, y]}}}}}} of '
            "two images or more."
        )
    first = next(iter(found.values()))
    _check_names(path, first if isinstance(first, Mapping) else ())
    for image, parts in found.items():
        if not isinstance(parts, Mapping) or not parts or {*parts} != {*first}:
            raise UsageError(
                f"--parts: {path} must name the same parts for every image. "
                f"Received: {sorted(parts)} for {image}, {sorted(first)} for the first."
                if isinstance(parts, Mapping) and isinstance(first, Mapping)
                else f"--parts: {path} must hold parts by name. Received: {image}."
            )
        for part, numbers in parts.items():
            if not _is_place(numbers):
                raise UsageError(
                    f"--parts: {path} must give [x, y] or [left, top, right, bottom] "
                    f"from 0 to 1. Received: {numbers!r} for {part} of {image}."
                )
    return {image: {part: found[image][part] for part in first} for image in found}


def images_with_parts(
    parts: Mapping[str, Mapping[str, list[float]]],
    images: Path,
    preprocessing: Preprocessing,
) -> list[ImageWithParts]:
    """Reads the images and finds their parts in the centre crop."""
    files = open_files(images, "a folder or zip with the images that --parts names")
    below = {}
    for name in files.names:
        below.setdefault(name.rpartition("/")[2], []).append(name)
    named = below | {name: [name] for name in files.names}
    return [
        _image(files, _only(files, named, name), name, places, preprocessing)
        for name, places in parts.items()
    ]


def shapes_with_parts(count: int, preprocessing: Preprocessing) -> list[ImageWithParts]:
    """Makes stars of the built-in data; top, left and right spike are the parts."""
    size, crop = preprocessing.image_size, preprocessing.crop_size
    first = shapes.CLASS_NAMES.index(SHAPE)
    margin = (size - crop) // 2
    images = []
    for number in range(count):
        index = first + number * len(shapes.CLASS_NAMES)
        square, mask, _ = shapes.render("validation", index, size)
        y, x = np.nonzero(mask)
        ends = {"top spike": y.argmin(), "left spike": x.argmin()}
        ends["right spike"] = x.argmax()
        places = {
            name: np.clip(np.array([y[i], x[i]] * 2) + 0.5 - margin, 0, crop)
            for name, i in ends.items()
        }
        images.append(ImageWithParts(f"validation/{index:05d}", square, places))
    return images


def masks_on(images: list[ImageWithParts], size: int, side: int) -> np.ndarray:
    """Places the mask of each part of each image inside the picture.

    Returns int32 array (p, n, 4).
    """
    places = np.stack([np.stack([*one.parts.values()]) for one in images], axis=1)
    low, high = places[..., :2], places[..., 2:]
    is_point = np.all(low == high, axis=-1, keepdims=True)
    sizes = np.where(is_point, size, np.maximum(np.rint(high - low), 1))
    sizes = np.minimum(sizes, side)
    corners = np.rint((low + high - sizes) / 2)
    corners = np.clip(corners, 0, side - sizes)
    return np.concatenate([corners, corners + sizes], axis=-1).astype(np.int32)


def random_masks(masks: np.ndarray, count: int, side: int, seed: int = 0) -> np.ndarray:
    """Places masks of the same sizes at random, in each image at another place.

    masks: int array (p, n, 4); returns int32 array (count, n, 4).
    """
    random = np.random.default_rng([seed, 3])
    sizes = (masks[..., 2:] - masks[..., :2])[np.arange(count) % len(masks)]
    corners = random.integers(0, side - sizes + 1)
    return np.concatenate([corners, corners + sizes], axis=-1).astype(np.int32)


def _check_names(path, parts) -> None:
    """Refuses parts that the table could not tell apart."""
    shown = [part_title(part) for part in parts]
    taken = [name for name in shown if name == RANDOM or shown.count(name) > 1]
    if taken:
        raise UsageError(
            f"--parts: {path} must give each part a name of its own, other than "
            f"{RANDOM!r}, the row of random places. Received: {taken[0]!r}."
        )


def _is_place(numbers) -> bool:
    if not isinstance(numbers, list) or len(numbers) not in (2, 4):
        return False
    if not all(type(one) in (int, float) and 0 <= one <= 1 for one in numbers):
        return False
    return len(numbers) == 2 or (numbers[0] < numbers[2] and numbers[1] < numbers[3])


def _only(files: Files, named, name) -> str:
    """The file of that name, or of that path in the folder."""
    found = named.get(name, ())
    if not found:
        raise FileNotFoundError(
            f"{files.path} does not hold {name}, which --parts names; --images says "
            "where the images are."
        )
    if len(found) > 1:
        raise UsageError(
            f"--parts: {name} is the name of several images in {files.path}; write "
            f"which one is meant, such as {found[0]}."
        )
    return found[0]


def _image(files: Files, file, name, places, preprocessing) -> ImageWithParts:
    try:
        picture = decode(files.read(files.key(file)))
    except (BadImage, OSError) as err:
        raise UsageError(f"--images: {name} cannot be read: {err}.") from err
    size, crop = preprocessing.image_size, preprocessing.crop_size
    found = {}
    for part, numbers in places.items():
        box = _in_crop(
            np.array(numbers * (4 // len(numbers))), picture.size, size, crop
        )
        middle = (box[:2] + box[2:]) / 2
        if not np.all((middle >= 0) & (middle <= crop)):
            raise UsageError(
                f"--parts: {part} of {name} lies outside of the centre crop that the "
                "network reads; cut the image to its middle."
            )
        found[part] = box
    return ImageWithParts(name, centre_square(picture, size), found)


def _in_crop(numbers, picture_size, size, crop) -> np.ndarray:
    """Fractions, x before y, as pixels (top, left, bottom, right) of the crop."""
    side = min(picture_size)
    margins = [(length - side) // 2 for length in picture_size]
    lengths = np.tile(picture_size, 2)
    pixels = (numbers * lengths - np.tile(margins, 2)) * size / side
    left, top, right, bottom = pixels - (size - crop) // 2
    return np.array([top, left, bottom, right])
