"""What is inside a `.keras` file: weights at half the size, and nothing that bursts.

The network itself stays in float32; Keras widens the numbers as it loads them. What a
file's layers may do is left to Keras's safe mode.
"""

import io
import json
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import keras
import numpy as np

_WEIGHTS = "model.weights.h5"
_CONFIG = "config.json"
_KERAS_MEMBERS = ("metadata.json", _CONFIG, _WEIGHTS)

# Bytes to which anything but weights may unpack, and what all of it may at least.
_MAX_OTHER, _FREE_BYTES = 2**26, 2**30
# Weights hardly shrink; a network of zeros does, a thousandfold.
_MAX_GROWTH = 100


def halve_weights(path: str | Path) -> None:
    """Rewrites a `.keras` file in place with its float32 weights as float16.

    Args:
        path: the file; other members are kept as they are.
    """
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members[_WEIGHTS] = _halved(members[_WEIGHTS])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def check_members(archive: zipfile.ZipFile, own: Sequence[str]) -> None:
    """Refuses an archive that holds anything else than a network, or far too much.

    Args:
        archive: an open `.keras` file.
        own: names of the members that are not Keras's.

    Raises:
        ValueError: it does; the message names the member.
    """
    members, seen = archive.infolist(), set()
    for member in members:
        name, size = member.filename, member.file_size
        if name not in (*_KERAS_MEMBERS, *own):
            raise ValueError(f"no part of a network: a member {name!r}")
        if name in seen:
            raise ValueError(f"two members {name!r}")
        seen.add(name)
        # These two unpack without limit, whatever size they claim.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} compressed by neither store nor deflate")
        # Deflate adds less than a thousandth to what it cannot make smaller.
        if member.compress_size > size + size // 1000 + 64:
            raise ValueError(f"{name} unpacks to more than it says")
        if name != _WEIGHTS and size > _MAX_OTHER:
            raise ValueError(f"{name} unpacks to {size / 1e6:,.0f} MB")
    total = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if total > max(_FREE_BYTES, _MAX_GROWTH * packed):
        raise ValueError(f"it unpacks to {total / 1e6:,.0f} MB")


def check_size(path: Path) -> None:
    """Refuses a network of more weights than its file can hold.

    Built, it would fill the memory before Keras looks for the weights.

    Args:
        path: of a `.keras` file whose members have been checked.

    Raises:
        ValueError: it has.
    """
    with zipfile.ZipFile(path) as archive:
        held = archive.getinfo(_WEIGHTS).file_size
        config = json.loads(archive.read(_CONFIG))
    # In this scope variables have shapes, but no values.
    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(
            {**config, "compile_config": None}, safe_mode=True
        )
        wanted = sum(math.prod(weight.shape) for weight in model.weights)
    # No type of Keras's takes less than a byte for a weight.
    if wanted > held:
        raise ValueError(f"{wanted:,} weights, more than its file can hold")


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
