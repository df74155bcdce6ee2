"""What is inside a `.keras` file: weights at half the size, and nothing that bursts.

Beside the network it holds a card (JSON) and the mean image. The network itself stays
in float32; Keras widens the numbers as it loads them. What a file's layers may do is
left to Keras's safe mode.
"""

import io
import json
import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import h5py
import keras
import numpy as np

_WEIGHTS = "model.weights.h5"
CONFIG, METADATA = "config.json", "metadata.json"
# Members that make a Keras archive self-sufficient; Keras itself ignores them.
_CARD = "zfkeras/card.json"
_MEAN_IMAGE = "zfkeras/mean_image.npy"
OWN_MEMBERS = (_CARD, _MEAN_IMAGE)
_KERAS_MEMBERS = (METADATA, CONFIG, _WEIGHTS)

# Bytes to which anything but weights may unpack, and what all of it may at least.
_MAX_OTHER, _FREE_BYTES = 2**26, 2**30
# Weights hardly shrink; a network of zeros does, a thousandfold.
_MAX_GROWTH = 100

# What TensorFlow takes for a scope; others fail as late as in the first prediction.
_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


def halve_weights(path: str | Path) -> None:
    """Rewrites a `.keras` file in place with its float32 weights as float16."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members[_WEIGHTS] = _halved(members[_WEIGHTS])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


class IncompleteFile(Exception):
    """A whole `.keras` file without card or mean image, as Keras itself writes it."""


def add_members(path: str | Path, card: str, mean_image: np.ndarray) -> None:
    """Adds the card and the mean image to a `.keras` file."""
    content = io.BytesIO()
    np.save(content, mean_image, allow_pickle=False)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_CARD, card)
        archive.writestr(_MEAN_IMAGE, content.getvalue())


def read_members(file: BinaryIO) -> tuple[dict, np.ndarray]:
    """Reads the card and the mean image of a file of which every member is whole."""
    with zipfile.ZipFile(file) as archive:
        check_members(archive)
        damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"its member {damaged} has changed")
        if not {*OWN_MEMBERS} <= {*archive.namelist()}:
            raise IncompleteFile
        card = json.loads(archive.read(_CARD))
        mean_image = io.BytesIO(archive.read(_MEAN_IMAGE))
    try:
        return card, np.load(mean_image, allow_pickle=False).astype(np.float32)
    except MemoryError as err:  # its content is in memory already
        raise ValueError("the mean image claims more than it holds") from err


def check_members(archive: zipfile.ZipFile) -> None:
    """Refuses an archive that holds anything else than a network, or far too much."""
    members, seen = archive.infolist(), set()
    for member in members:
        name, size = member.filename, member.file_size
        if name not in (*_KERAS_MEMBERS, *OWN_MEMBERS):
            raise ValueError(f"no part of a network: a member {name!r}")
        if name in seen:
            raise ValueError(f"two members {name!r}")
        seen.add(name)
        # These two unpack without limit, whatever size they claim.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} compressed by neither store nor deflate")
        if name != _WEIGHTS and size > _MAX_OTHER:
            raise ValueError(f"{name} unpacks to {size / 1e6:,.0f} MB")
    check_unpacked(
        sum(member.file_size for member in members),
        sum(member.compress_size for member in members),
    )


def check_unpacked(total: int, packed: int) -> None:
    """Refuses content that unpacks to far more bytes than its file has."""
    if total > max(_FREE_BYTES, _MAX_GROWTH * packed):
        raise ValueError(f"it unpacks to {total / 1e6:,.0f} MB")


def check_size(path: Path) -> None:
    """Refuses a network of more weights than its file can hold.

    Built, it would fill the memory before Keras looks for the weights.
    """
    with zipfile.ZipFile(path) as archive:
        held = archive.getinfo(_WEIGHTS).file_size
        config = json.loads(archive.read(CONFIG))
    # In this scope variables have shapes, but no values.
    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(
            {**config, "compile_config": None}, safe_mode=True
        )
        wanted = sum(math.prod(weight.shape) for weight in model.weights)
    # No type of Keras's takes less than a byte for a weight.
    if wanted > held:
        raise ValueError(f"{wanted:,} weights, more than its file can hold")


def check_parts(model: keras.Model, preprocessing, class_names: Sequence) -> None:
    """Refuses a network, a preprocessing and class names that do not fit together."""
    wanted = (None, *preprocessing.input_shape)
    if model.input_shape != wanted:
        raise ValueError(f"crops {wanted} for a network of {model.input_shape}")
    if model.output_shape != (None, len(class_names)):
        raise ValueError(f"{len(class_names)} class names for {model.output_shape}")
    if not all(isinstance(name, str) for name in class_names):
        raise ValueError("class names that are no text")
    for name in _names(model):
        if not _SCOPE.fullmatch(name):
            raise ValueError(f"a name that TensorFlow does not take: {name!r}")


def _halved(encoded: bytes) -> bytes:
    result = io.BytesIO()
    with h5py.File(io.BytesIO(encoded)) as wide, h5py.File(result, "w") as half:

        def copy(name, item):
            if isinstance(item, h5py.Group):
                made = half.require_group(name)
            else:
                values = item[()]
                if item.dtype == np.float32:
                    values = values.astype(np.float16)
                made = half.create_dataset(name, data=values)
            made.attrs.update(item.attrs)

        half.attrs.update(wide.attrs)
        wide.visititems(copy)
    return result.getvalue()


def _names(model) -> Iterator[str]:
    """Yields the names of the model and its layers, those of nested models too."""
    # Inside the model's scope a name may begin with what its own may not.
    yield model.name
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _names(layer)
        else:
            yield f"{model.name}/{layer.name}"
