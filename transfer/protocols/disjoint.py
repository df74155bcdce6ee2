"""Finds files that are in two sets, by their contents.

It does not find photographs that were changed; `transfer.overlap` does.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from tqdm import tqdm

from zfkeras.data.split import Split
from zfkeras.errors import UsageError
from zfkeras.io.terminal import one_line


def check_disjoint(train: Split, test: Split) -> None:
    """Raises `UsageError` if a training image is a test image."""
    name_of = {digest: name for name, digest in _digests(test) if digest}
    found = [(name, name_of[d]) for name, d in _digests(train) if d in name_of]
    if found:
        first, copy = (one_line(name) for name in found[0])
        raise UsageError(
            argument="the number of training images among the test images",
            received=f"{len(found)}, the first {first} as {copy}",
            expected="0",
            remedy="Remove them from one of the two.",
        )


def copies(
    train: Split, train_positions: np.ndarray, test: Split, test_positions: np.ndarray
) -> np.ndarray:
    """Returns which training images are test images, too.

    Shapes: `train_positions` (n_train,), `test_positions` (n_test,), result bool
    (n_train,).
    """
    of_train = [digest for _, digest in _digests(train)]
    of_test = of_train if test is train else [digest for _, digest in _digests(test)]
    tested = {of_test[position] for position in test_positions} - {None}
    return np.array([of_train[position] in tested for position in train_positions])


def _digests(split: Split) -> Iterator[tuple[str, bytes | None]]:
    """Yields each file's name and SHA-256, or `None` if it cannot be read."""

    def digest(key):
        try:
            return hashlib.sha256(split.read(key)).digest()
        except OSError:
            return None

    with (
        ThreadPoolExecutor(4) as threads,
        tqdm(total=split.num_examples, desc="looking for copies", unit=" files") as bar,
    ):
        for batch in split.stream().batch(64).as_numpy_iterator():
            found = threads.map(digest, batch["key"])
            for name, value in zip(batch["id"], found, strict=True):
                yield name.decode("utf-8", "surrogateescape"), value
            bar.update(len(batch["key"]))
