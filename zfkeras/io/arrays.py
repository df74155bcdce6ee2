"""Arrays in files whose checksums are compared when they are read."""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from zfkeras.io.files import written_whole


def write_array(path: Path, array: np.ndarray) -> None:
    """Writes an .npy file with a checksum behind its end, which `np.load` ignores."""
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    content = content.getvalue()
    with written_whole(path) as file:
        file.write(content + zlib.crc32(content).to_bytes(4, "little"))


def read_array(path: Path) -> np.ndarray:
    """Reads what `write_array` wrote."""
    content = Path(path).read_bytes()
    content, checksum = content[:-4], content[-4:]
    if zlib.crc32(content).to_bytes(4, "little") != checksum:
        raise ValueError("its checksum does not match")
    return np.load(io.BytesIO(content), allow_pickle=False)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads an .npz file whose members are all whole, without unpickling anything."""
    # NumPy leaves a file open that it opened itself and cannot read.
    with open(path, "rb") as file:
        with zipfile.ZipFile(file) as archive:
            # NumPy would not notice: a header that tells of fewer numbers than there
            # are keeps it from the member's end, where its checksum is compared.
            if (damaged := archive.testzip()) is not None:
                raise ValueError(f"its member {damaged} has changed")
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
