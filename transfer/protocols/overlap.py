"""Finds the images that two data sets share, nearly unchanged.

Zeiler & Fergus 2014, sec. 5.2, found 44 of Caltech-101's images in ImageNet's training
set by normalised correlation. They give neither the size of the images compared nor
the threshold. This size and threshold are chosen on Caltech-101 against the 100,000
training images of Tiny ImageNet. The plain correlation of 32x32 pixels reaches 0.9 for
94 images, most of which share only a bright sky over dark ground or a white frame. If
the mean of each pixel's surround is subtracted first, two images reach it, which are
the same photographs, and no other exceeds 0.86.

Of 400 made copies of Caltech-101's images all were found that were re-encoded, scaled
or turned grey, and 99 % of those brightened by 30 %; of trimmed ones 99 % at 1 % of
the sides, 81 % at 2 %, 37 % at 3 %. Copies that are mirrored, of other proportions or
trimmed by more are not found.
"""

from collections.abc import Callable

import numpy as np

from transfer.protocols.near_duplicates import Matches, Overlap, Pair
from transfer.protocols.thumbnails import Batch, thumbnails, unit_vectors
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.split import Split

SIZE, SURROUND, THRESHOLD = 32, 9, 0.9


def find_overlap(
    split_a: Split,
    split_b: Split,
    threshold: float = THRESHOLD,
    *,
    surround: int | None = SURROUND,
    bad_images: BadImages | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> Overlap:
    """Finds the images of one set that are, nearly unchanged, in another.

    Reduces the centre square of every image to 32x32 grey pixels and subtracts the mean
    of each pixel's surround. Two images are alike if the normalised correlation of the
    results reaches the threshold. Streams both sets once; memory holds 4 kB for each
    image of the smaller set and some bytes for each image of the larger.
    """
    num_a, num_b = split_a.num_examples, split_b.num_examples
    bad_images = bad_images or BadImages(max(1, num_a + num_b))

    def stream(split):
        for batch in thumbnails(split, SIZE, bad_images):
            bad_images.check()
            yield batch, unit_vectors(batch.pixels, surround)
            progress(len(batch.ids))

    matches = Matches(num_a, threshold)
    is_a_held = num_a <= num_b
    held, streamed = (split_a, split_b) if is_a_held else (split_b, split_a)
    empty = Batch(np.array([], bytes), np.array([], np.int64), None)
    held_batches, streamed_batches = [empty], [empty]
    blocks = [np.empty((0, SIZE * SIZE), np.float32)]
    for batch, vectors in stream(held):
        held_batches.append(batch)
        blocks.append(vectors)
    kept, start = np.concatenate(blocks), 0
    for batch, vectors in stream(streamed):
        if len(kept) and is_a_held:
            matches.add(kept, 0, vectors, start)
        elif len(kept):
            matches.add(vectors, start, kept, 0)
        streamed_batches.append(batch._replace(pixels=None))
        start += len(vectors)
    both = held_batches, streamed_batches
    batches_a, batches_b = both if is_a_held else both[::-1]
    return _overlap(
        matches,
        np.concatenate([batch.ids for batch in batches_a]),
        np.concatenate([batch.labels for batch in batches_a]),
        np.concatenate([batch.ids for batch in batches_b]),
    )


def _overlap(matches, ids_a, labels_a, ids_b) -> Overlap:
    a, b, correlations = matches.pairs()
    best = matches.best[: len(ids_a)]
    order = np.argsort(-best, kind="stable")
    # A flat image's vector is zero, and so is its product with any other.
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
