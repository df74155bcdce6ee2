"""Reads photographs, once for the network and once for the picture."""

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from zfkeras.data.crops import centre_crop
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.decoding import centre_fit, read_image
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import UsageError
from zfkeras.io.file_names import file_name_of

_SHOWN = 448  # pixels, at least, of the longer side of what people look at
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Photograph:
    """One photograph."""

    file: Path  # its path
    picture_name: str  # file name of the picture that is made of it
    square: np.ndarray  # uint8 array (image height, image width, 3)
    view: np.ndarray  # uint8 array (height, width, 3), larger than what it reads


def read_photographs(
    files: Sequence[Path], preprocessing: Preprocessing, left_out: dict[str, str]
) -> Iterator[Photograph]:
    """Yields readable photographs; of several files, bad ones go to `left_out`."""
    bar = tqdm(files, desc="project", unit=" images")
    for file, picture_name in zip(bar, picture_names(files), strict=True):
        try:
            square, view = preprocessing.square(file), view_of(file, preprocessing)
        except (BadImage, OSError) as err:
            if len(files) == 1:
                raise UsageError(f"the photograph cannot be read: {err}") from err
            left_out[str(file)] = str(err)
            _log.warning("left out: %s", err)
            continue
        yield Photograph(file, picture_name, square, view)


def picture_names(files: Sequence[Path]) -> list[str]:
    """Names a picture for each photograph by stem, file name or path; all differ."""
    by_stem = [file.stem.lower() for file in files]
    by_name = [file.name.lower() for file in files]
    by_path = [str(file) for file in files]
    names = next(
        names for names in (by_stem, by_name, by_path) if len({*names}) == len(files)
    )
    return [f"project-{file_name_of(name)}.png" for name in names]


def view_of(image, preprocessing: Preprocessing) -> np.ndarray:
    """Cuts out what the network sees, in a multiple of its resolution.

    `image`: as `read_image` takes it. Returns uint8 array (height, width, 3).
    """
    whole = enlarged_square(image, preprocessing)
    times = whole.shape[0] // preprocessing.image_shape[0]
    height, width, _ = preprocessing.input_shape
    return centre_crop(whole, (times * height, times * width))


def enlarged_square(image, preprocessing: Preprocessing) -> np.ndarray:
    """Does what `preprocessing.square` does, in a multiple of its resolution."""
    times = -(-_SHOWN // max(preprocessing.input_shape[:2]))
    height, width, _ = preprocessing.image_shape
    picture = read_image(image, times * preprocessing.image_size)
    return centre_fit(picture, (times * height, times * width))
