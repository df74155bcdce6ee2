"""Half the size on disk: weights of a `.keras` file stored as float16.

The network itself stays in float32; Keras widens the numbers as it loads them.
"""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np

_WEIGHTS = "model.weights.h5"


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
