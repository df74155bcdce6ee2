"""Runs a compiled function over many rows, a batch at a time."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from zfkeras.io.progress import Progress, progress_bar


def run_in_batches(
    function: Callable,
    rows: Sequence[np.ndarray],
    batch_size: int,
    *,
    unit: str,
    show_progress: bool | Progress = False,
) -> list[np.ndarray]:
    """Calls a function on equal batches of some arrays and joins each of its answers.

    All batches have one size, since another would be traced anew: the smallest with
    which there are no more batches. The last is filled up with rows that do not count.
    `show_progress`: whether to show a bar, or the bar to be moved.
    """
    count = len(rows[0])
    size, found = -(-count // -(-count // batch_size)), []
    with progress_bar(show_progress, total=count, unit=f" {unit}") as bar:
        for first in range(0, count, size):
            batch = [part[first : first + size] for part in rows]
            number = len(batch[0])
            full = (np.resize(part, (size, *part.shape[1:])) for part in batch)
            answers = function(*map(tf.constant, full))
            found.append([answer.numpy()[:number] for answer in answers])
            bar.update(number)
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]
