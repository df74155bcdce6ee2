"""What Caltech-101 and Caltech-256 share: one folder of JPEGs a category, one split.

It draws no training and test images: their papers do that anew for each repetition.
"""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from zfkeras.data.files.archives import open_files
from zfkeras.data.files.folder_files import Files, existing
from zfkeras.data.register import Source
from zfkeras.errors import UsageError

# Images of nothing in particular, in both sets and as TFDS calls the first one's.
BACKGROUNDS = ("BACKGROUND_Google", "background_google", "257.clutter")


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a set is published."""

    prefix: str
    folder: str
    archives: tuple[str, ...]
    category: re.Pattern
    key: int
    whole: frozenset[str]
    text: str


def background_label(class_names: Sequence[str]) -> int | None:
    """Finds the class that is no category: BACKGROUND_Google or 257.clutter."""
    found = [i for i, name in enumerate(class_names) if name in BACKGROUNDS]
    return found[0] if found else None


def open_caltech(rest: str, layout: Layout) -> Source:
    """Opens a set laid out as `layout` says; its one split is "train"."""
    files, root = _open(existing(rest, layout.text), layout)
    by_category = _by_category(files, root, layout)
    _check_whole(files, by_category, layout)
    class_names = sorted(by_category)
    names, labels = [], []
    for label, name in enumerate(class_names):
        names += by_category[name]
        labels += [label] * len(by_category[name])
    ids = [name.removeprefix(root) for name in names]
    spec = f"{layout.prefix}:{rest}"
    split = files.split(names, labels, ids)
    return Source(spec, tuple(class_names), {"train": split})


def _open(path: Path, layout: Layout) -> tuple[Files, str]:
    """Lists the files; also returns what the names of the categories begin with."""
    if path.is_dir():
        # Looked for before listing: a wrong path may be a home folder.
        for below in ("", layout.folder, *layout.archives):
            place = path / below
            if place.is_dir() and _has_categories(place, layout):
                return Files(place), ""
            if below and place.is_file():
                return _open(place, layout)
        raise _wrong_folder(path, layout)
    files = open_files(path, layout.text)
    found = {_root(name, layout) for name in files.names} - {None}
    if not found:
        raise _wrong(path, layout, f"no folder {layout.folder} of categories")
    # A stray copy of some categories lies deeper than the set itself.
    return files, min(found, key=lambda root: (root.count("/"), root))


def _root(name: str, layout: Layout) -> str | None:
    """Returns what stands before CATEGORY/IMAGE in a name."""
    *above, category, image = ["", *name.split("/")]
    if not (above and layout.category.fullmatch(category) and _is_image(image)):
        return None
    return "".join(f"{part}/" for part in above[1:])


def _has_categories(folder: Path, layout: Layout) -> bool:
    return any(
        layout.category.fullmatch(entry.name) and entry.is_dir()
        for entry in folder.iterdir()
    )


def _is_image(name: str) -> bool:
    return name.lower().endswith((".jpg", ".jpeg"))


def _by_category(files: Files, root: str, layout: Layout) -> dict[str, list[str]]:
    """Category -> its images; an empty list where there is a folder and no image."""
    found = defaultdict(list)
    for entry in (files.folder / root).iterdir():
        if layout.category.fullmatch(entry.name) and entry.is_dir():
            found[entry.name] = []
    for name in files.names:
        category, slash, image = name.removeprefix(root).partition("/")
        if name.startswith(root) and slash and layout.category.fullmatch(category):
            found[category] += [name] if _is_image(image) and "/" not in image else []
    return found


def _check_whole(files: Files, by_category: dict, layout: Layout) -> None:
    empty = sorted(name for name, images in by_category.items() if not images)
    if empty:
        raise _wrong(files.path, layout, f"no images in {_listed(empty)}")
    keys = {layout.category.fullmatch(name)[layout.key] for name in by_category}
    missing = sorted(layout.whole - keys)
    if 0 < len(missing) < len(layout.whole) / 2:
        raise _wrong(files.path, layout, f"no folder for {_listed(missing)}")
    if len(by_category) < 2:
        raise _wrong(files.path, layout, "fewer than two categories")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    kind = "category" if len(names) == 1 else "categories"
    return f"{kind} {', '.join(names[:5])}{more}"


def _wrong(path: Path, layout: Layout, what: str) -> UsageError:
    return UsageError(
        f"{path} is not {layout.prefix}, or not all of it: {what}; expected "
        f"{layout.text}."
    )


def _wrong_folder(path: Path, layout: Layout) -> UsageError:
    if layout.category.fullmatch(path.absolute().name):
        return _wrong(path, layout, "this is one category; name the folder above it")
    return _wrong(path, layout, f"no folder {layout.folder} of categories")
