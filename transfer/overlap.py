"""`python -m transfer.overlap`: the images two sets share, so that none is trained on.

Zeiler & Fergus 2014, sec. 5.2, found 44 of Caltech-101's images in ImageNet's training
set by normalised correlation and removed them from the latter. They give neither the
size of the images compared nor the threshold. Ours are chosen on Caltech-101 against
Tiny ImageNet's 100,000 training images. In plain correlation of 32x32 pixels (--plain)
94 images reach 0.9, most by a bright sky over dark ground or a white frame; less the
mean of each pixel's surround, two do, which are the same photographs, and no other
exceeds 0.86.

Of 400 made copies of Caltech-101's images all were found that were re-encoded, scaled
or turned grey, and 99 % of those brightened by 30 %; of trimmed ones 99 % at 1 % of
the sides, 81 % at 2 %, 37 % at 3 %. Copies that are mirrored, of other proportions or
trimmed by more are not found.
"""

import argparse
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from transfer.protocols.near_duplicates import Matches, Overlap, Pair
from zfkeras.cli import arguments, command

if TYPE_CHECKING:  # both import TensorFlow, for which --help shall not wait
    from zfkeras.data.files.bad_images import BadImages
    from zfkeras.data.split import Split

SIZE, SURROUND, THRESHOLD = 32, 9, 0.9


def find_overlap(
    split_a: "Split",
    split_b: "Split",
    threshold: float = THRESHOLD,
    *,
    surround: int | None = SURROUND,
    bad_images: "BadImages | None" = None,
    progress: Callable[[int], None] | None = None,
) -> Overlap:
    """Finds the images of one set that are, nearly unchanged, in another.

    Every image's centre square is reduced to 32x32 grey pixels, less the mean of what
    surrounds each pixel; two images are alike if the normalised correlation of what is
    left reaches the threshold. Both sets are streamed once, and what is kept is 4 kB an
    image of the smaller one and some bytes an image of the larger.
    """
    from zfkeras.data.files.bad_images import BadImages

    sizes = split_a.num_examples, split_b.num_examples
    bad_images = bad_images or BadImages(max(1, sum(sizes)))
    matches = Matches(sizes[0], threshold)
    is_a_held = sizes[0] <= sizes[1]
    held, streamed = (split_a, split_b) if is_a_held else (split_b, split_a)
    held_ids, held_labels, blocks = [], [], []
    for batch, vectors in _vectors(held, surround, bad_images, progress):
        held_ids.append(batch.ids)
        held_labels.append(batch.labels)
        blocks.append(vectors)
    kept = np.concatenate(blocks) if blocks else np.empty((0, SIZE * SIZE), np.float32)
    ids, labels, start = [], [], 0
    for batch, vectors in _vectors(streamed, surround, bad_images, progress):
        if len(kept) and is_a_held:
            matches.add(kept, 0, vectors, start)
        elif len(kept):
            matches.add(vectors, start, kept, 0)
        ids.append(batch.ids)
        labels.append(batch.labels)
        start += len(vectors)
    a, b = ((held_ids, held_labels), (ids, labels))[:: 1 if is_a_held else -1]
    return _overlap(matches, _joined(a[0]), _joined(a[1]), _joined(b[0]))


def _vectors(split, surround, bad_images, progress):
    from transfer.protocols.thumbnails import thumbnails, unit_vectors

    for batch in thumbnails(split, SIZE, bad_images):
        bad_images.check()
        yield batch, unit_vectors(batch.pixels, surround)
        if progress is not None:
            progress(len(batch.ids))


def _joined(parts):
    return np.concatenate(parts) if parts else np.array([], dtype=bytes)


def _overlap(matches, ids_a, labels_a, ids_b) -> Overlap:
    a, b, correlations = matches.pairs()
    best = matches.best[: len(ids_a)]
    order = np.argsort(-best, kind="stable")
    # A flat image's vector is zero, and so is its product with anything.
    order = order[np.isfinite(best[order]) & (best[order] != 0)]
    return Overlap(
        _named(ids_a[a], ids_b[b], correlations),
        _named(ids_a[order], ids_b[matches.best_b[order]], best[order]),
        {_text(ids_a[i]): int(labels_a[i]) for i in np.unique(a)},
        len(ids_a),
        len(ids_b),
    )


def _named(ids_a, ids_b, correlations):
    rows = zip(ids_a, ids_b, correlations, strict=True)
    return [Pair(_text(a), _text(b), round(float(c), 4)) for a, b, c in rows]


def _text(id: bytes) -> str:
    return id.decode("utf-8", "surrogateescape")


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "transfer.overlap",
        "Find the images of one data set that another one holds, too. The workdir "
        "holds a list of pairs that are nearly unchanged and a picture of them. Those "
        "of --against are the ones to leave out of training.",
    )
    arguments.add_data(parser)
    arguments.add_split(parser, "train")
    parser.add_argument(
        "--against",
        required=True,
        metavar="SPEC",
        help="the images to look among, such as a network's training set; as --data",
    )
    parser.add_argument(
        "--against-split",
        metavar="NAME",
        help="which split of --against (default: train, or the only one there is)",
    )
    parser.add_argument(
        "--threshold",
        type=arguments.fraction,
        default=THRESHOLD,
        metavar="N",
        help="least correlation (0-1) of two images that count as one",
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="correlate the pixels themselves, not what stands out from its surround; "
        "finds most skies alike",
    )
    arguments.add_max_bad_fraction(parser)
    arguments.add_workdir(parser, default="runs/overlap")
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _run, argv)


def _run(args):
    from tqdm import tqdm

    from transfer.reports.overlap import write_report
    from zfkeras.data.files.bad_images import BadImages
    from zfkeras.data.register import open_source

    source, against = open_source(args.data), open_source(args.against)
    args.split = source.split_name(args.split, "train")
    args.against_split = against.split_name(args.against_split, "train")
    split_a, split_b = source.split(args.split), against.split(args.against_split)
    command.make_folder(args.workdir)
    total = split_a.num_examples + split_b.num_examples
    bad_images = BadImages(max(1, total), args.max_bad_fraction)
    begin = time.perf_counter()
    with tqdm(total=total, unit="image", desc="comparing") as bar:
        overlap = find_overlap(
            split_a,
            split_b,
            args.threshold,
            surround=None if args.plain else SURROUND,
            bad_images=bad_images,
            progress=bar.update,
        )
    seconds = time.perf_counter() - begin
    settings = {
        "data": args.data,
        "split": args.split,
        "against": args.against,
        "against_split": args.against_split,
        "threshold": args.threshold,
        "size": SIZE,
        "surround": None if args.plain else SURROUND,
        "seconds": round(seconds, 1),
        "bad_images": bad_images.to_json(),
    }
    write_report(overlap, source, split_a, split_b, settings, args.workdir)
    print(
        f"{len(overlap.ids_a)} of {overlap.num_a} images are in both "
        f"({len(overlap.pairs)} pairs); {seconds:.0f} s"
    )
    print(f"results in {args.workdir}/overlap.json and overlap.png")
    if overlap.ids_b:
        print(
            f"to train without them, add --data {args.against} --set data.leave_out="
            f"{args.workdir}/leave_out.txt to the command of the training"
        )


if __name__ == "__main__":
    sys.exit(main())
