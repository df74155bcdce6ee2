"""Soft labels: what a larger network answers for each training image, from a file."""

import dataclasses
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import tensorflow as tf

from zfkeras.data.split import Split
from zfkeras.errors import UsageError


@dataclasses.dataclass(frozen=True, eq=False)
class SoftLabels:
    """Probabilities (n, classes) of images by their ids, bytes (n,)."""

    ids: np.ndarray
    probabilities: np.ndarray
    order: np.ndarray  # that sorts the ids

    def of(self, ids: tf.Tensor) -> tf.Tensor:
        """Finds rows in a graph: string (n,) -> float32 (n, classes)."""
        rows = tf.numpy_function(self._rows, [ids], tf.float32, stateful=False)
        rows.set_shape((None, self.probabilities.shape[1]))
        return rows

    def _rows(self, ids):
        wanted = ids.astype(self.ids.dtype)
        places = np.searchsorted(self.ids, wanted, sorter=self.order)
        return self.probabilities[self.order[places]].astype(np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class SoftLabelled(Split):
    """A split whose images have soft labels, to be streamed."""

    split: Split
    soft_labels: SoftLabels

    @property
    def num_examples(self):
        return self.split.num_examples

    def stream(self, shuffle_seed=None, start=0):
        return self.split.stream(shuffle_seed, start)

    def read(self, key):
        return self.split.read(key)


def with_soft_labels(split: Split, path: str, num_classes: int) -> SoftLabelled:
    """Gives each image of a split the probabilities that a .npz file has for its id."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"data.soft_labels must be a .npz file. Received: {path}, which is none."
        )
    try:
        # NumPy would leave a damaged file open.
        with open(path, "rb") as opened, np.load(opened) as file:
            ids, probabilities = file["ids"], file["probabilities"]
    except (ValueError, TypeError, KeyError, OSError, BadZipFile) as err:
        raise _refusal(path, "ids and probabilities in a .npz file", str(err)) from err
    expected = (len(ids), num_classes)
    if ids.dtype.kind != "S" or probabilities.shape != expected:
        raise _refusal(
            path,
            f"ids of bytes, and probabilities {expected}",
            f"{ids.dtype} and {probabilities.shape}",
        )
    batches = split.stream_ids().batch(1024).as_numpy_iterator()
    needed = np.concatenate([np.asarray(batch, bytes) for batch in batches])
    missing = needed[~np.isin(needed, ids)]
    if len(missing):
        raise _refusal(
            path,
            "a row for each training image",
            f"none for {len(missing)} of {len(needed)}, such as "
            f"{missing[0].decode('utf-8', 'replace')}",
        )
    return SoftLabelled(split, SoftLabels(ids, probabilities, np.argsort(ids)))


def _refusal(path, expected, received):
    return UsageError(
        argument=f"data.soft_labels={path}", received=received, expected=expected
    )
