"""Reads where the same parts lie in several images: a JSON file, or built-in shapes."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zfkeras.data.crops import centre_crop
from zfkeras.data.files.archives import open_files
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.decoding import centre_fit, decode
from zfkeras.data.files.folder_files import Files
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.sources import shapes
from zfkeras.errors import UsageError

# Stars have three spikes that stay the same however they are turned (up to 20 degrees).
SHAPE = "star"
#: What masks at random places are called beside the parts.
RANDOM = "random"


@dataclasses.dataclass(frozen=True, eq=False)
class ImageWithParts:
    """An image, and where its parts lie in the centre crop."""

    name: str  # of its file
    square: np.ndarray  # uint8 array (image_size, image_size, 3)
    parts: dict[str, np.ndarray]  # float (top, left, bottom, right), a point twice


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
        raise _bad_parts(path, err, "a JSON file") from err
    found = content.get("parts") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or len(found) < 2:
        form = '{"parts": {image: {part: [x, y]}}} of two images or more'
        raise _bad_parts(path, "another form", f"a file of {form}")
    first = next(iter(found.values()))
    for image, parts in found.items():
        if not isinstance(parts, Mapping) or not parts:
            raise _bad_parts(path, f"{image}: {parts}", "a file of parts by name")
        if {*parts} != {*first}:
            received = f"{sorted(parts)} for {image}, {sorted(first)} for the first"
            raise _bad_parts(path, received, "a file of the same parts in every image")
        for part, numbers in parts.items():
            if not _is_place(numbers):
                form = "[x, y] or [left, top, right, bottom], from 0 to 1"
                received = f"{numbers!r} for {part} of {image}"
                raise _bad_parts(path, received, f"a file of {form}")
    titles = [part_title(part) for part in first]
    for title in titles:
        if title == RANDOM or titles.count(title) > 1:
            # The table could not tell them apart.
            form = f"names that differ, other than {RANDOM!r}, the row of random places"
            raise _bad_parts(path, repr(title), f"a file of {form}")
    return {image: {part: found[image][part] for part in first} for image in found}


def images_with_parts(
    parts: Mapping[str, Mapping[str, list[float]]],
    images: Path,
    preprocessing: Preprocessing,
) -> list[ImageWithParts]:
    """Reads the images and finds their parts in the centre crop."""
    files = open_files(images, "a folder or zip with the images that --parts names")
    return [
        _image(files, _only(files, name), name, places, preprocessing)
        for name, places in parts.items()
    ]


def shapes_with_parts(count: int, preprocessing: Preprocessing) -> list[ImageWithParts]:
    """Makes stars of the built-in data; top, left and right spike are the parts."""
    size, shape = preprocessing.image_size, preprocessing.image_shape[:2]
    crop = np.array(preprocessing.input_shape[:2])
    first = shapes.CLASS_NAMES.index(SHAPE)
    margins = (size - np.array(shape)) // 2 + (shape - crop) // 2
    images = []
    for number in range(count):
        index = first + number * len(shapes.CLASS_NAMES)
        square, mask, _ = shapes.render("validation", index, size)
        y, x = np.nonzero(mask)
        ends = {"top spike": y.argmin(), "left spike": x.argmin()}
        ends["right spike"] = x.argmax()
        places = {
            name: np.tile(np.clip(np.array([y[i], x[i]]) + 0.5 - margins, 0, crop), 2)
            for name, i in ends.items()
        }
        square = centre_crop(square, shape)
        images.append(ImageWithParts(f"validation/{index:05d}", square, places))
    return images


def masks_on(
    images: list[ImageWithParts], size: int, shape: tuple[int, int]
) -> np.ndarray:
    """Places the mask of each part of each image inside the picture (height, width).

    Returns int32 array (p, n, 4).
    """
    places = np.stack([np.stack([*one.parts.values()]) for one in images], axis=1)
    low, high = places[..., :2], places[..., 2:]
    is_point = np.all(low == high, axis=-1, keepdims=True)
    sizes = np.where(is_point, size, np.maximum(np.rint(high - low), 1))
    sizes = np.minimum(sizes, shape)
    corners = np.rint((low + high - sizes) / 2)
    corners = np.clip(corners, 0, shape - sizes)
    return np.concatenate([corners, corners + sizes], axis=-1).astype(np.int32)


def random_masks(
    masks: np.ndarray, count: int, shape: tuple[int, int], seed: int = 0
) -> np.ndarray:
    """Places masks of the same sizes at random, in each image at another place.

    masks: int array (p, n, 4); returns int32 array (count, n, 4).
    """
    random = np.random.default_rng([seed, 3])
    sizes = (masks[..., 2:] - masks[..., :2])[np.arange(count) % len(masks)]
    corners = random.integers(0, shape - sizes + 1)
    return np.concatenate([corners, corners + sizes], axis=-1).astype(np.int32)


def _bad_parts(path, received, expected) -> UsageError:
    return UsageError(
        argument="--parts", received=f"{path}, {received}", expected=expected
    )


def _is_place(numbers) -> bool:
    if not isinstance(numbers, list) or len(numbers) not in (2, 4):
        return False
    if not all(type(one) in (int, float) and 0 <= one <= 1 for one in numbers):
        return False
    return len(numbers) == 2 or (numbers[0] < numbers[2] and numbers[1] < numbers[3])


def _only(files: Files, name: str) -> str:
    """Finds the file of that path in the folder, or the only one of that name."""
    if name in files.names:
        return name
    found = [one for one in files.names if one.rpartition("/")[2] == name]
    if not found:
        raise FileNotFoundError(
            f"{files.path} does not hold {name}, which --parts names; --images says "
            "where the images are."
        )
    if len(found) > 1:
        raise UsageError(
            argument="--parts",
            received=name,
            expected=f"the path of one image in {files.path}",
            remedy=f"There are several of that name, such as {found[0]}.",
        )
    return found[0]


def _image(files: Files, file, name, places, preprocessing) -> ImageWithParts:
    try:
        picture = decode(files.read(files.key(file)))
    except (BadImage, OSError) as err:
        raise UsageError(
            f"--images: {name} cannot be read: {err}.", argument="--images"
        ) from err
    shape, crop = preprocessing.image_shape[:2], preprocessing.input_shape[:2]
    found = {}
    for part, numbers in places.items():
        box = np.array(numbers * (4 // len(numbers)))
        found[part] = box = _in_crop(box, picture.size, shape, crop)
        middle = (box[:2] + box[2:]) / 2
        if not np.all((middle >= 0) & (middle <= crop)):
            raise UsageError(
                argument="--parts",
                received=f"{part} of {name}",
                expected="inside the centre crop that the network reads",
                remedy="Cut the image to its middle.",
            )
    return ImageWithParts(name, centre_fit(picture, shape), found)


def _in_crop(numbers, picture_size, shape, crop) -> np.ndarray:
    """Turns (x, y, x, y) of 0-1 into pixels of the crop (top, left, bottom, right)."""
    lengths, size = np.array(picture_size), np.array(shape[::-1])
    part = np.rint(size * (lengths / size).min())  # what `centre_fit` cuts out
    points = np.reshape(numbers, (2, 2)) * lengths - (lengths - part) // 2
    points = points * size / part - (size - crop[::-1]) // 2
    return points[:, ::-1].ravel()
