"""Small folders of real JPEG files, and archives of them."""

import io
import tarfile
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


def write_tar(path: Path, files: Mapping[str, bytes | str]) -> Path:
    """Writes the same files as a tar, compressed as the ending of its name says."""
    kind = {".gz": "gz", ".tgz": "gz", ".bz2": "bz2", ".xz": "xz"}.get(path.suffix, "")
    with tarfile.open(path, f"w:{kind}") as archive:
        for folder in sorted({name.rpartition("/")[0] for name in files} - {""}):
            member = tarfile.TarInfo(folder)
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        for name, content in files.items():
            content = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_tar_in_zip(path: Path, inside: str, files: Mapping[str, bytes | str]) -> Path:
    """Writes a zip with nothing in it but a tar of the files, called `inside`."""
    tar = write_tar(path.with_name(inside.rpartition("/")[2]), files)
    write_zip(path, {inside: tar.read_bytes()})
    tar.unlink()
    return path


def contents(split, shuffle_seed=None, start=0) -> list[tuple[str, int, bytes]]:
    """The (id, label, file) of every example a split streams."""
    return [
        (example["id"].decode(), int(example["label"]), split.read(example["key"]))
        for example in split.stream(shuffle_seed, start).as_numpy_iterator()
    ]
