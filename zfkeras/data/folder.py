"""`folder:PATH`: any images, sorted into one sub-folder a class.

Class names are folder names as they stand (ImageNet's wnids too); labels follow their
sorted order. It reads no image, so a broken one is found only when it is streamed.
"""

from collections import defaultdict
from collections.abc import Iterable

from zfkeras.data.archives import Files, ZipFiles, open_files
from zfkeras.data.sources import Source
from zfkeras.errors import UsageError

IMAGE_ENDINGS = (
    ".jpg",
    ".jpeg",
    ".png",
    ".gif",
    ".bmp",
    ".webp",
    ".tif",
    ".tiff",
)
SPLIT_FOLDERS = {
    "train": "train",
    "val": "validation",
    "validation": "validation",
    "test": "test",
}
LAYOUT = (
    "a folder (or a zip of one) with one sub-folder a class, PATH/CLASS/*.jpg, or "
    "PATH/train/CLASS/*.jpg beside PATH/val/CLASS/*.jpg"
)


def open_source(rest: str) -> Source:
    """Opens a folder, or a zip of one, with one sub-folder a class.

    If it holds `train` beside `val` (or `validation`) or `test`, or nothing else than
    `train`, these are its splits and the classes are those of `train`. Otherwise its
    one split is "train". Images may lie deeper (CLASS/images/x.JPEG); files that are
    not images, and whatever is hidden, are left out.

    Args:
        rest: the path.

    Raises:
        FileNotFoundError: there is no such path.
        UsageError: it is not laid out like this, or has fewer than two classes.
    """
    files = open_files(rest, LAYOUT)
    images = [name for name in files.names if name.lower().endswith(IMAGE_ENDINGS)]
    if not images:
        kinds = " ".join(ending[1:] for ending in IMAGE_ENDINGS)
        raise UsageError(f"{files.path} holds no images ({kinds}); expected {LAYOUT}.")
    found = {
        split: _by_class(files, images, prefix)
        for split, prefix in _split_prefixes(files, images).items()
    }
    class_names = _class_names(files, found)
    splits = {
        split: _split(files, by_class, class_names) for split, by_class in found.items()
    }
    return Source(f"folder:{rest}", class_names, splits)


def _split_prefixes(files: Files, images: list[str]) -> dict[str, str]:
    """Split name -> what the names of its images begin with."""
    root = ""
    tops = _folders(images)
    if isinstance(files, ZipFiles) and len(tops) == 1 and tops != {"train"}:
        # A zipped folder usually has that folder as the only thing at its top.
        root = f"{tops.pop()}/"
        tops = _folders(name.removeprefix(root) for name in images)
    if "train" not in tops or not (
        tops == {"train"} or tops & {*SPLIT_FOLDERS} - {"train"}
    ):
        return {"train": root}
    if {"val", "validation"} <= tops:
        raise UsageError(
            f"{files.path} holds both val and validation; rename or move one of them."
        )
    return {
        split: f"{root}{folder}/"
        for folder, split in SPLIT_FOLDERS.items()
        if folder in tops
    }


def _folders(names: Iterable[str]) -> set[str]:
    return {name.split("/", 1)[0] for name in names if "/" in name}


def _by_class(files: Files, images: list[str], prefix: str) -> dict[str, list[str]]:
    found = defaultdict(list)
    for name in images:
        if not name.startswith(prefix):
            continue
        class_name, slash, _ = name.removeprefix(prefix).partition("/")
        if not slash:
            raise UsageError(
                f"{files.path / prefix}: the image {class_name} lies outside any class "
                f"folder; expected {LAYOUT}."
            )
        found[class_name].append(name)
    return found


def _class_names(files: Files, found: dict) -> tuple[str, ...]:
    names = sorted(found["train"])
    if len(names) < 2:
        raise UsageError(
            f"{files.path}: training needs at least two classes, found only {names}; "
            f"expected {LAYOUT}."
        )
    for split, by_class in found.items():
        unknown = sorted(by_class.keys() - found["train"].keys())
        if unknown:
            raise UsageError(
                f"{files.path}: every class must have a folder in train; found only in "
                f"{split}: {', '.join(unknown[:5])} ({len(unknown)} in all)."
            )
    return tuple(names)


def _split(files: Files, by_class: dict[str, list[str]], class_names: tuple[str, ...]):
    names, labels = [], []
    for label, class_name in enumerate(class_names):
        found = by_class.get(class_name, [])
        names += found
        labels += [label] * len(found)
    return files.split(names, labels)
