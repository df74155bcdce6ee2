"""`tiny-imagenet:PATH`: Tiny ImageNet, 200 classes of ImageNet at 64x64, as published.

Labels follow the sorted wnids, not the order of wnids.txt, so that a plain folder of
the same classes gives the same labels. It leaves out the test images: they carry none.
"""

from pathlib import Path

from zfkeras.data.files.archives import open_files
from zfkeras.data.files.folder_files import Files, existing
from zfkeras.data.register import Source
from zfkeras.errors import UsageError

LAYOUT = (
    "tiny-imagenet-200.zip or its folder tiny-imagenet-200 with wnids.txt, words.txt, "
    "train/WNID/images/*.JPEG, val/images/*.JPEG and val/val_annotations.txt"
)


def open_source(rest: str) -> Source:
    """Opens Tiny ImageNet: splits "train" and "validation"."""
    files, root = _open_files(existing(rest, LAYOUT))
    wnids = sorted({*_lines(files, f"{root}wnids.txt")})
    words = _words(files, f"{root}words.txt")
    unnamed = [wnid for wnid in wnids if wnid not in words]
    if unnamed:
        raise UsageError(f"{files.path}: words.txt has no name for {unnamed[0]}.")
    return Source(
        f"tiny-imagenet:{rest}",
        tuple(f"{wnid} {words[wnid]}" for wnid in wnids),
        {
            "train": _train(files, f"{root}train/", wnids),
            "validation": _validation(files, f"{root}val/", wnids),
        },
    )


def _open_files(path: Path) -> tuple[Files, str]:
    """Lists the files; also returns what their names begin with."""
    if path.is_dir():
        # Looked for before listing: a wrong path may be a home folder.
        for folder in (path, path / "tiny-imagenet-200"):
            if (folder / "wnids.txt").is_file():
                return Files(folder), ""
        raise _missing(path, "wnids.txt")
    files = open_files(path, LAYOUT)
    for name in files.names:
        if name == "wnids.txt" or name.endswith("/wnids.txt"):
            return files, name.removesuffix("wnids.txt")
    raise _missing(path, "wnids.txt")


def _missing(path: Path, what: str) -> UsageError:
    return UsageError(f"{path} is not Tiny ImageNet: no {what}; expected {LAYOUT}.")


def _lines(files: Files, name: str) -> list[str]:
    if name not in files.names:
        raise _missing(files.path, name)
    return [line for line in files.read_lines(name) if line.strip()]


def _words(files: Files, name: str) -> dict[str, str]:
    """Maps each wnid to its first name ("tabby, tabby cat" is a tabby)."""
    pairs = (line.partition("\t") for line in _lines(files, name))
    return {wnid: names.split(",")[0].strip() for wnid, _, names in pairs}


def _images(files: Files, prefix: str) -> list[str]:
    return [
        name
        for name in files.names
        if name.startswith(prefix) and name.lower().endswith((".jpeg", ".jpg"))
    ]


def _train(files: Files, prefix: str, wnids: list[str]):
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    images = [
        (label_of[wnid], name)
        for name in _images(files, prefix)
        if (wnid := name.removeprefix(prefix).split("/")[0]) in label_of
    ]
    without = set(range(len(wnids))) - {label for label, _ in images}
    if without:
        folder = f"{prefix}{wnids[min(without)]}/images/*.JPEG"
        raise _missing(files.path, f"{folder} ({len(without)} classes without images)")
    labels, names = zip(*images, strict=True)
    return files.split(names, labels, [_basename(name) for name in names])


def _validation(files: Files, prefix: str, wnids: list[str]):
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    name_of = {_basename(name): name for name in _images(files, prefix)}
    annotations = f"{prefix}val_annotations.txt"
    rows = [line.split("\t")[:2] for line in _lines(files, annotations)]
    for row in rows:
        if len(row) < 2 or row[1] not in label_of:
            raise UsageError(
                f"{files.path}: {annotations} must say FILE, tab, WNID with a WNID of "
                f"wnids.txt. Received: {' '.join(row)!r}."
            )
    lost = [image for image, _ in rows if image not in name_of]
    if lost or not rows:
        image = lost[0] if lost else "*.JPEG"
        raise _missing(files.path, f"{prefix}images/{image} ({len(lost)} images gone)")
    ids = [image for image, _ in rows]
    labels = [label_of[wnid] for _, wnid in rows]
    return files.split([name_of[image] for image in ids], labels, ids)


def _basename(name: str) -> str:
    return name.rsplit("/", 1)[-1]
