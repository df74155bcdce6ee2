"""What two sets share as a record: the pairs as numbers and as a picture.

`transfer.protocols.overlap` finds them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from transfer.protocols.near_duplicates import Overlap, Pair
from zfkeras.data.register import Source
from zfkeras.data.split import Split
from zfkeras.errors import RunError
from zfkeras.io.files import written_whole
from zfkeras.records import Record, Table

# Images of each set that were found in ImageNet's training set (paper, sec. 5.2).
FOUND_IN_IMAGENET = {
    "caltech101": {"images": 9144, "overlapping": 44, "most_in_one_class": 10},
    "caltech256": {"images": 30607, "overlapping": 243, "most_in_one_class": 18},
}
_SHOWN, _SHOWN_BELOW = 24, 12
_LISTED_BELOW = 100


def overlap_record(
    paper: Mapping,
    overlap: Overlap,
    source: Source,
    split_a: Split,
    split_b: Split,
    about: Mapping,
) -> Record:
    """Makes the record: the pairs, how many they are, and a picture of them.

    `source` is that of set A; `about` holds the settings and where `write_left_out`
    has written.
    """
    labels = [label for label in overlap.label_of.values() if label >= 0]  # -1: none
    classes = Counter(source.class_names[label] for label in labels)
    below = [p for p in overlap.nearest if p.correlation < about["threshold"]]
    numbers = {
        **about,
        "images": overlap.num_a,
        "images_against": overlap.num_b,
        "overlapping": len(overlap.ids_a),
        "overlapping_against": len(overlap.ids_b),
        "most_in_one_class": max(classes.values(), default=0),
        "classes": dict(classes.most_common()),
        "pairs": [pair._asdict() for pair in overlap.pairs],
        "nearest_below": [pair._asdict() for pair in below[:_LISTED_BELOW]],
    }
    found = (
        f"{len(overlap.ids_a):,} of {overlap.num_a:,} images are in both "
        f"({len(overlap.pairs):,} pairs)."
    )
    remedy = (
        f"To train without the {len(overlap.ids_b):,} images of the other set, add "
        f"--data {about['against']} --set data.leave_out={about['leave_out']} to the "
        "command of the training."
    )
    return Record(
        paper,
        [found, remedy] if overlap.ids_b else [found],
        numbers,
        [overlap_table(numbers)],
        {"overlap.png": _picture(overlap, below, split_a, split_b, about)},
    )


def overlap_table(numbers: Mapping) -> Table:
    """Makes the table of how much is shared, the paper's row of the same set below."""
    keys = ("images", "overlapping", "most_in_one_class")
    rows = {_name(numbers["data"]): numbers}
    kind = numbers["data"].partition(":")[0]
    if kind in FOUND_IN_IMAGENET:
        rows[f"paper: {kind}, in ImageNet"] = FOUND_IN_IMAGENET[kind]
    return Table(
        f"Images that are in {_name(numbers['against'])}, too",
        ["set", "images", "in both", "most in one class"],
        [[name, *(f"{row[key]:,}" for key in keys)] for name, row in rows.items()],
    )


def _picture(overlap, below, split_a, split_b, about):
    from transfer.plots.overlap import draw_overlap

    pairs, below = _best_of_each(overlap.pairs)[:_SHOWN], below[:_SHOWN_BELOW]
    files_a = files_of(split_a, [pair.id_a for pair in pairs + below])
    files_b = files_of(split_b, [pair.id_b for pair in pairs + below])
    return draw_overlap(
        [(p, files_a[p.id_a], files_b[p.id_b]) for p in pairs],
        [(p, files_a[p.id_a], files_b[p.id_b]) for p in below],
        np.array([pair.correlation for pair in overlap.nearest]),
        about["threshold"],
        f"{len(overlap.ids_a):,} of the {overlap.num_a:,} images of set A "
        f"({_name(about['data'])}) are among the {overlap.num_b:,} of set B "
        f"({_name(about['against'])})",
    )


def write_left_out(overlap: Overlap, split_b: Split, path: Path) -> None:
    """Writes the names of set B's images, one a line, for `data.leave_out`."""
    ids = [id.encode("utf-8", "surrogateescape") for id in overlap.ids_b]
    with written_whole(path, "wb") as file:
        file.writelines(name + b"\n" for name in sorted(split_b.own_ids(ids)))


def files_of(split: Split, ids: Iterable[str]) -> dict[str, bytes]:
    """Reads the encoded files of the images that are called so."""
    wanted = {id.encode("utf-8", "surrogateescape"): id for id in ids}
    found = {}
    for batch in split.stream().batch(1024).as_numpy_iterator():
        if not wanted:
            break
        for place, id in enumerate(batch["id"].tolist()):
            if id in wanted:
                found[wanted.pop(id)] = split.read(batch["key"][place])
    if wanted:
        raise RunError(f"the image {min(wanted.values())} is gone since it was found.")
    return found


def _name(spec: str) -> str:
    """What to call a source in a title: no path that only this machine has."""
    prefix, _, rest = spec.partition(":")
    if prefix == "tfds":
        return rest
    return Path(rest).name if prefix == "folder" else prefix


def _best_of_each(pairs: list[Pair]) -> list[Pair]:
    """Keeps each image of A once, with the image most like it."""
    best = {}
    for pair in pairs:
        best.setdefault(pair.id_a, pair)
    return [*best.values()]
