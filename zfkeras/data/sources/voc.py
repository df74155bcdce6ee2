"""`voc2007:PATH` and `voc2012:PATH`: PASCAL VOC, several labels an image.

It reads which classes an image shows from ImageSets/Main, and no Annotations; the test
images of 2012, whose labels have never been published, are left out.
"""

import re
from pathlib import Path

import numpy as np

from zfkeras.data.files.archives import open_archives, open_files
from zfkeras.data.files.folder_files import Files, existing
from zfkeras.data.register import Source
from zfkeras.data.split import ListedSplit, first_present
from zfkeras.errors import UsageError

CLASS_NAMES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
SPLITS = {
    "train": "train",
    "val": "validation",
    "trainval": "trainval",
    "test": "test",
}
_SETS = "ImageSets/Main/"
# As published; the second of 2007 holds its labelled test images.
_ARCHIVES = {
    2007: ("VOCtrainval_06-Nov-2007.tar", "VOCtest_06-Nov-2007.tar"),
    2012: ("VOCtrainval_11-May-2012.tar",),
}
_CLASS_FILE = re.compile(rf"({'|'.join(CLASS_NAMES)})_({'|'.join(SPLITS)})\.txt")


def open_voc2007(rest: str) -> Source:
    """Opens VOC 2007: 9,963 photographs, labelled test images among them."""
    return _open_source(rest, 2007)


def open_voc2012(rest: str) -> Source:
    """Opens VOC 2012: 11,540 labelled photographs."""
    return _open_source(rest, 2012)


def _open_source(rest: str, year: int) -> Source:
    """Opens VOC: splits "train", "validation", "trainval", and "test" if labelled."""
    files, root = _open(existing(rest, _layout(year)), year)
    name_of = {
        Path(name).stem: name
        for name in files.names
        if name.startswith(f"{root}JPEGImages/") and name.lower().endswith(".jpg")
    }
    splits = {
        SPLITS[split]: _split(files, root, split, year, name_of)
        for split in _splits(files, root, year)
    }
    return Source(f"voc{year}:{rest}", CLASS_NAMES, splits)


def _layout(year: int) -> str:
    return (
        f"{_ARCHIVES[year][0]}, which python -m zfkeras.download voc{year} gets, or "
        f"its folder VOCdevkit/VOC{year} with JPEGImages/*.jpg and "
        f"{_SETS}CLASS_train.txt"
    )


def _open(path: Path, year: int) -> tuple[Files, str]:
    """Lists the files; also returns what the names begin with."""
    if path.is_dir():
        # Looked for before listing: a wrong path may be a home folder.
        for below in ("", f"VOC{year}", f"VOCdevkit/VOC{year}"):
            if (path / below / _SETS).is_dir():
                return Files(path / below), ""
        archives = [path / name for name in _ARCHIVES[year]]
        archives = [archive for archive in archives if archive.is_file()]
        if not archives:
            raise _wrong(path, year, f"no folder {_SETS[:-1]}")
        files = open_archives(archives, path, _layout(year))
    else:
        files = open_files(path, _layout(year))
    roots = {
        name.partition(_SETS)[0]
        for name in files.names
        if _CLASS_FILE.fullmatch(name.partition(_SETS)[2])
    }
    years = {root for root in roots if root.endswith(f"VOC{year}/")}
    if len(years or roots) != 1:  # a folder of another name will do if it is the one
        raise _wrong(path, year, f"no folder VOC{year}/{_SETS[:-1]} with class files")
    return files, (years or roots).pop()


def _splits(files: Files, root: str, year: int) -> list[str]:
    """Lists the splits that have class files, in the order of `SPLITS`."""
    found = {
        match[2]
        for name in files.names
        if name.startswith(root + _SETS)
        and (match := _CLASS_FILE.fullmatch(name.removeprefix(root + _SETS)))
    }
    if not found:
        raise _wrong(files.path, year, f"no {_SETS}CLASS_train.txt")
    return [split for split in SPLITS if split in found]


def _split(files: Files, root: str, split: str, year: int, name_of) -> ListedSplit:
    listed = set(files.names)
    class_files = [f"{root}{_SETS}{name}_{split}.txt" for name in CLASS_NAMES]
    without = [name for name in class_files if name not in listed]
    if without:
        more = f" and {len(without) - 1} more" if len(without) > 1 else ""
        raise _wrong(files.path, year, f"no {without[0]}{more}")
    columns = [_read(files, name) for name in class_files]
    images = columns[0][0]
    for name, (own, _) in zip(class_files, columns, strict=True):
        if not np.array_equal(own, images):
            raise _wrong(
                files.path, year, f"{name} lists other images than {class_files[0]}"
            )
    lost = [image for image in images if image not in name_of]
    if lost:
        what = f"no JPEGImages/{lost[0]}.jpg ({len(lost)} of {len(images)} gone)"
        raise _wrong(files.path, year, what)
    targets = np.stack([flags for _, flags in columns], axis=1)
    return files.split(
        [name_of[image] for image in images],
        first_present(targets),
        [f"{image}.jpg" for image in images],
        targets,
    )


def _read(files: Files, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images that a class's file lists, and its flags."""
    rows = [line.split() for line in files.read_lines(name) if line.strip()]
    bad = [row for row in rows if len(row) != 2 or row[1] not in ("1", "0", "-1")]
    if bad or not rows:
        received = repr(" ".join(bad[0])) if bad else "an empty file"
        raise UsageError(
            f"{files.path}: {name} must say IMAGE and 1, 0 or -1 in every line. "
            f"Received: {received}."
        )
    images, flags = zip(*rows, strict=True)
    return np.array(images), np.array(flags).astype(np.int8)


def _wrong(path: Path, year: int, what: str) -> UsageError:
    return UsageError(
        f"{path} is not voc{year}, or not all of it: {what}; expected {_layout(year)}."
    )
