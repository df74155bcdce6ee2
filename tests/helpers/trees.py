"""Small folders of real JPEG files, and zips of them."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image


def jpeg(number: int) -> bytes:
    """A JPEG of 8x8 pixels that differs from that of every other number below 256."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (number, 255 - number, 0)).save(file, "JPEG")
    return file.getvalue()


def write_tree(root: Path, files: Mapping[str, bytes | str]) -> Path:
    """Writes files below `root`, which is returned."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def write_zip(path: Path, files: Mapping[str, bytes | str]) -> Path:
    """Writes the same files as a zip, with the folder entries that zip tools add."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in sorted({name.rpartition("/")[0] for name in files} - {""}):
            archive.writestr(f"{folder}/", b"")
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def contents(split, shuffle_seed=None, start=0) -> list[tuple[str, int, bytes]]:
    """The (id, label, file) of every example a split streams."""
    return [
        (example["id"].decode(), int(example["label"]), split.read(example["key"]))
        for example in split.stream(shuffle_seed, start).as_numpy_iterator()
    ]
