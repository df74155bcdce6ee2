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

# Names of split folders, as people write them, in any case of letters.
_SPLITS = {
    "train": re.compile(r"(train|training)([-_ ]?(set|data|images?))?", re.IGNORECASE),
    "validation": re.compile(
        r"(val|valid|validation|dev|eval)([-_ ]?(set|data|images?))?", re.IGNORECASE
    ),
    "test": re.compile(r"(test|testing)([-_ ]?(set|data|images?))?", re.IGNORECASE),
}


@dataclasses.dataclass(frozen=True)
class FolderLayout:
    """The images of a folder by split and class.

    Args:
        prefixes: split ("train", "validation" or "test") -> what the names of its
            images begin with, such as "flowers/valid/"; "train": "" where nothing is
            divided.
        images: split -> class -> names of its images.
        class_names: sorted.
    """

    prefixes: dict[str, str]
    images: dict[str, dict[str, list[str]]]
    class_names: tuple[str, ...]


def find_layout(path: object, names: Sequence[str]) -> FolderLayout:
    """Decides by depth which folders are splits and which are classes.

    A folder that wraps everything is entered. Images may lie deeper than their class
    folder (CLASS/images/x.JPEG).

    Args:
        path: of the whole, for messages.
        names: of the images, relative to `path`, parted by "/".

    Raises:
        UsageError: an image outside any class folder; a folder beside the splits that
            is none; two folders for one split; fewer than two classes; a class that
            has no folder in train.
    """
    root = _skip_wrappers(names)
    prefixes = _find_splits(path, names, root) or {"train": root}
    images = {
        split: _group_by_class(path, names, prefix)
        for split, prefix in prefixes.items()
    }
    return FolderLayout(prefixes, images, _find_classes(path, images))


def split_of(folder: str) -> str | None:
    """The split that a folder's name stands for: "train", "validation" or "test"."""
    found = (split for split, name in _SPLITS.items() if name.fullmatch(folder))
    return next(found, None)


def _children(names: Sequence[str], prefix: str) -> dict[str, list[str]]:
    """Folder right below `prefix` -> the names of the images in it, from there on."""
    found = defaultdict(list)
    for name in names:
        if name.startswith(prefix):
            folder, slash, rest = name[len(prefix) :].partition("/")
            found[folder if slash else ""].append(rest if slash else folder)
    return found


def _holds_folders(names: Sequence[str]) -> bool:
    return all("/" in name for name in names)


def _skip_wrappers(names: Sequence[str], root: str = "", is_split=False) -> str:
    """Enters folders that hold all there is, unless they are splits or classes."""
    while True:
        children = _children(names, root)
        if len(children) != 1 or "" in children:
            return root
        ((folder, inside),) = children.items()
        if (split_of(folder) and not is_split) or not _holds_folders(inside):
            return root
        root += f"{folder}/"


def _find_splits(path, names, root: str) -> dict[str, str]:
    """Split -> prefix; empty if the folders below `root` are classes."""
    children = _children(names, root)
    splits = {folder: split_of(folder) for folder in children if split_of(folder)}
    others = sorted(children.keys() - splits.keys() - {""})
    divided = [f for f in splits or others if _holds_folders(children[f])]
    inner = Counter(c for f in divided for c in {*_children(children[f], "")})
    if not splits and len(inner) > 1 and max(inner.values()) > 1:
        raise _unknown_split(path, divided[0], "the folders beside it")
    if not splits or (others and len(inner) < 2):
        return {}  # a class may be called train
    undivided = sorted(splits.keys() - {*divided})
    if undivided:
        raise UsageError(
            f"{path}: the folder {undivided[0]} holds images, but no class folders; "
            f"expected {LAYOUT}."
        )
    if others or "" in children:
        stray = others[0] if others else children[""][0]
        raise _unknown_split(path, stray, ", ".join(sorted(splits)))
    return _prefixes(path, names, root, splits)


def _unknown_split(path, folder, beside) -> UsageError:
    return UsageError(
        f"{path}: {folder} lies beside {beside}, but its name is not that of a split "
        "(train, val, test); rename or move it."
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
        inside = [name for name in names if name.startswith(f"{root}{folder}/")]
        prefixes[split] = _skip_wrappers(inside, f"{root}{folder}/", is_split=True)
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
