"""Writes what two sets share: the list as JSON, the pairs as a picture.

`transfer.protocols.overlap` finds them.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from transfer.protocols.near_duplicates import Overlap, Pair
from zfkeras.data.register import Source
from zfkeras.data.split import Split
from zfkeras.errors import RunError
from zfkeras.io.files import written_whole
from zfkeras.io.provenance import write_results

# Images of each set that were found in ImageNet's training set (paper, sec. 5.2).
PAPER = {
    "caltech101": {"images": 9144, "overlapping": 44, "most_in_one_class": 10},
    "caltech256": {"images": 30607, "overlapping": 243, "most_in_one_class": 18},
}
_SHOWN, _SHOWN_BELOW = 24, 12
_LISTED_BELOW = 100


def write_report(
    overlap: Overlap,
    source: Source,
    split_a: Split,
    split_b: Split,
    settings: dict,
    workdir: Path,
) -> dict:
    """Writes overlap.json, overlap.png and leave_out.txt; returns what the first holds.

    The last names the images of set B, one a line, as training takes them in
    `data.leave_out`.
    """
    from transfer.plots.overlap import draw_overlap
    from zfkeras.plots import save_figure

    labels = [label for label in overlap.label_of.values() if label >= 0]  # -1: none
    classes = Counter(source.class_names[label] for label in labels)
    below = [p for p in overlap.nearest if p.correlation < settings["threshold"]]
    results = {
        **settings,
        "images": overlap.num_a,
        "images_against": overlap.num_b,
        "overlapping": len(overlap.ids_a),
        "overlapping_against": len(overlap.ids_b),
        "most_in_one_class": max(classes.values(), default=0),
        "classes": dict(classes.most_common()),
        "pairs": [pair._asdict() for pair in overlap.pairs],
        "nearest_below": [pair._asdict() for pair in below[:_LISTED_BELOW]],
        "paper": PAPER.get(settings["data"].partition(":")[0]),
    }
    write_results(workdir, "overlap", results)
    ids = [id.encode("utf-8", "surrogateescape") for id in overlap.ids_b]
    with written_whole(workdir / "leave_out.txt", "wb") as file:
        file.writelines(name + b"\n" for name in sorted(split_b.own_ids(ids)))
    pairs, below = _best_of_each(overlap.pairs)[:_SHOWN], below[:_SHOWN_BELOW]
    files_a = files_of(split_a, [pair.id_a for pair in pairs + below])
    files_b = files_of(split_b, [pair.id_b for pair in pairs + below])
    figure = draw_overlap(
        [(p, files_a[p.id_a], files_b[p.id_b]) for p in pairs],
        [(p, files_a[p.id_a], files_b[p.id_b]) for p in below],
        np.array([pair.correlation for pair in overlap.nearest]),
        settings["threshold"],
        f"{len(overlap.ids_a):,} of the {overlap.num_a:,} images of set A "
        f"({_name(settings['data'])}) are among the {overlap.num_b:,} of set B "
        f"({_name(settings['against'])})",
    )
    save_figure(figure, workdir / "overlap.png")
    return results


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
