"""`folder:PATH`: any images, sorted into one sub-folder per class.

Class names are folder names as they stand (ImageNet's wnids too); labels follow their
sorted order. A broken image is found only when it is streamed.
"""

import itertools
import logging
from collections import Counter, defaultdict
from pathlib import PurePosixPath

from zfkeras.data.files.archives import open_files
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.decoding import decode
from zfkeras.data.files.folder_files import Files
from zfkeras.data.files.image_types import is_image_type, may_be_image
from zfkeras.data.register import Source
from zfkeras.data.sources.folder_layout import LAYOUT, FolderLayout, find_layout
from zfkeras.data.wnids import in_english
from zfkeras.errors import UsageError

_log = logging.getLogger(__name__)

# Files that are opened to learn whether a folder without image endings holds images.
_NUM_TRIED = 20


def open_source(rest: str) -> Source:
    """Opens a folder, or a zip or tar of one, with one sub-folder per class."""
    files = open_files(rest, LAYOUT)
    names = _find_images(files)
    if not names:
        raise UsageError(f"{files.path} holds no images; expected {LAYOUT}.")
    layout = find_layout(files.path, names)
    for split, prefix in layout.prefixes.items():
        _log.info(
            "%s is the %s split: %d images in %d classes",
            files.path / prefix,
            split,
            sum(map(len, layout.images[split].values())),
            len(layout.images[split]),
        )
    splits = {
        split: _split(files, by_class, layout)
        for split, by_class in layout.images.items()
    }
    return Source(f"folder:{rest}", in_english(layout.class_names), splits)


def _find_images(files: Files) -> list[str]:
    """Names of the files that are tried as images; logs what is left out."""
    by_folder, left_out = defaultdict(list), Counter()
    for name in files.names:
        if may_be_image(name):
            by_folder[name.rpartition("/")[0]].append(name)
        else:
            left_out[PurePosixPath(name).suffix.lower()] += 1
    for folder, inside in [*by_folder.items()]:
        if not any(map(is_image_type, inside)) and not _holds_image(files, inside):
            del by_folder[folder]
            left_out[f"in {files.path / folder}"] += len(inside)
    if files.repeated:
        left_out["links to files that are listed"] = files.repeated
    if left_out:
        counts = ", ".join(f"{n} {what}" for what, n in left_out.most_common(5))
        more = ", ..." if len(left_out) > 5 else ""
        _log.info("%s: left out, as they are no images: %s%s", files.path, counts, more)
    return sorted(itertools.chain(*by_folder.values()))


def _holds_image(files: Files, names: list[str]) -> bool:
    """Decodes files of unknown type until one is an image, or cannot be read."""
    for name in names[:_NUM_TRIED]:
        try:
            decode(files.read(files.key(name)), 1)
            return True
        except OSError:
            return True
        except BadImage:
            continue
    return False


def _split(files: Files, by_class: dict[str, list[str]], layout: FolderLayout):
    """Makes a split; the folder that wraps everything is not in the ids."""
    names, labels = [], []
    for label, class_name in enumerate(layout.class_names):
        found = by_class.get(class_name, [])
        names += found
        labels += [label] * len(found)
    ids = [name.removeprefix(layout.root) for name in names]
    return files.split(names, labels, ids)
