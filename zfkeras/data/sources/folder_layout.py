"""Where the splits and classes of a folder of images are, by its files' names.

Folders that hold class folders are splits; folders that hold images are classes. It
opens no file.
"""

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from zfkeras.errors import UsageError

LAYOUT = (
    "a folder (or a zip of one) with one sub-folder per class, PATH/CLASS/*.jpg, or "
    "with splits, PATH/train/CLASS/*.jpg beside PATH/val/CLASS/*.jpg"
)

# Names of split folders, as people write them, in any case of letters: the word alone
# or as a part of a name, such as "seg_train", "train2017", "test_set".
_SPLITS = {
    split: re.compile(rf"(.*[-_ .])?({words})([-_ .0-9].*|set|data|images?)?", re.I)
    for split, words in {
        "train": "train|training|trainval",
        "validation": "val|valid|validation|dev|eval",
        "test": "test|testing",
    }.items()
}


@dataclasses.dataclass(frozen=True)
class FolderLayout:
    """The images of a folder by split and class."""

    root: str
    prefixes: dict[str, str]
    images: dict[str, dict[str, list[str]]]
    class_names: tuple[str, ...]


def find_layout(path: object, names: Sequence[str]) -> FolderLayout:
    """Decides by depth which folders are splits and which are classes."""
    root = _skip_wrappers(names)
    prefixes = _find_splits(path, names, root) or {"train": root}
    images = {
        split: _group_by_class(path, names, prefix)
        for split, prefix in prefixes.items()
    }
    return FolderLayout(root, prefixes, images, _find_classes(path, images))


def split_of(folder: str, *, is_part: bool = False) -> str | None:
    """Returns the split that a folder's name stands for, or `None`."""
    for split, name in _SPLITS.items():
        found = name.fullmatch(folder)
        if found and (is_part or not found[1]):
            return split
    return None


def _children(names: Sequence[str], prefix: str) -> dict[str, list[str]]:
    """Maps each folder right below `prefix` to the rest of its images' names."""
    found = defaultdict(list)
    for name in names:
        if name.startswith(prefix):
            folder, slash, rest = name[len(prefix) :].partition("/")
            found[folder if slash else ""].append(rest if slash else folder)
    return found


def _holds_folders(names: Sequence[str]) -> bool:
    return all("/" in name for name in names)


def _skip_wrappers(names: Sequence[str], root: str = "", split: str = "") -> str:
    """Enters folders that hold all there is, unless they are splits or classes."""
    while True:
        children = _children(names, root)
        if len(children) != 1 or "" in children:
            return root
        ((folder, inside),) = children.items()
        is_wrapper = folder == split if split else not split_of(folder)
        if not is_wrapper or not _holds_folders(inside):
            return root
        root += f"{folder}/"


def _find_splits(path, names, root: str) -> dict[str, str]:
    """Maps each split to its prefix; empty if the folders below `root` are classes."""
    children = _children(names, root)
    inner = {  # folder -> the folders in it, of those that hold nothing else
        folder: {*_children(inside, _skip_wrappers(inside, "", folder))}
        for folder, inside in children.items()
        if folder and _holds_folders(inside)
    }
    splits = {
        folder: split
        for folder in children
        if (split := split_of(folder, is_part=folder in inner))
    }
    others = sorted(children.keys() - splits.keys() - {""})
    counts = Counter(name for folder in inner for name in inner[folder])
    if not splits and len(counts) > 1 and max(counts.values()) > 1:
        raise _ambiguous(path, sorted(inner))
    divided = {name for folder in splits for name in inner.get(folder, ())}
    if not splits or (others and len(divided) < 2):
        return {}  # a class may be called train
    undivided = sorted(splits.keys() - inner.keys())
    if undivided:
        stray = next(n for n in children[undivided[0]] if "/" not in n)
        raise UsageError(
            f"{path}: the folder {undivided[0]} holds the image {stray}, which lies in "
            f"no class folder; expected {LAYOUT}."
        )
    if others or "" in children:
        stray = others[0] if others else children[""][0]
        raise UsageError(
            f"{path}: {stray} lies beside {', '.join(sorted(splits))}, but its name is "
            "not that of a split (train, val, test); rename or move it."
        )
    return _prefixes(path, names, root, splits)


def _ambiguous(path, folders) -> UsageError:
    return UsageError(
        f"{path}: the folders {', '.join(folders[:4])} hold folders of the same names. "
        "If they are splits, call them train, val and test; if they are classes, move "
        "the images right into them."
    )


def _prefixes(path, names, root, splits) -> dict[str, str]:
    prefixes = {}
    for folder, split in sorted(splits.items()):
        if split in prefixes:
            raise UsageError(
                f"{path} holds two folders for the {split} images, {folder} and "
                f"{prefixes[split].strip('/')}; rename or move one of them."
            )
        # training_set/training_set/CLASS is how some archives unpack.
        prefixes[split] = _skip_wrappers(names, f"{root}{folder}/", folder)
    return {split: prefixes[split] for split in _SPLITS if split in prefixes}


def _group_by_class(path, names, prefix) -> dict[str, list[str]]:
    found = defaultdict(list)
    for name in names:
        if name.startswith(prefix):
            class_name, slash, _ = name[len(prefix) :].partition("/")
            if not slash:
                raise UsageError(
                    f"{path}: the image {name} lies outside any class folder; expected "
                    f"{LAYOUT}."
                )
            found[class_name].append(name)
    return found


def _find_classes(path, images) -> tuple[str, ...]:
    found = images.get("train") or dict.fromkeys(c for s in images.values() for c in s)
    if len(found) < 2:
        raise UsageError(
            f"{path}: at least two classes are needed. Received: {sorted(found)}; "
            f"expected {LAYOUT}."
        )
    for split, by_class in images.items():
        unknown = sorted(by_class.keys() - found.keys())
        if unknown:
            raise UsageError(
                f"{path}: every class must have a folder in train; found only in "
                f"{split}: {', '.join(unknown[:5])} ({len(unknown)} in all)."
            )
    return tuple(sorted(found))
