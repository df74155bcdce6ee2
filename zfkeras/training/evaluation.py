"""Top-1 and top-5 error of a predictor over batches."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from zfkeras.errors import RunError


def wrong_answers(probabilities: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Returns whether the true label is not among the k most probable classes.

    A tie counts against the network: a class as probable as the true one stands before
    it, so that equal probabilities for all classes are not taken for knowledge. NaN
    anywhere in the row makes it wrong.

    `probabilities`: float array (n, classes).
    `labels`: int array (n,).
    Returns bool array (n,).
    """
    true = probabilities[np.arange(len(labels)), labels][:, None]
    not_beaten = probabilities >= true  # the true class is one of them
    return (not_beaten.sum(axis=1) > k) | np.isnan(probabilities).any(axis=1)


def error_rates(
    predict: Callable[[dict], Mapping[str, np.ndarray]],
    batches: Iterable[dict],
    progress: Callable[[int], None] | None = None,
) -> dict:
    """Computes top-1 and top-5 error over all batches, for one or more ways to answer.

    `predict`: from a batch to probabilities (n, classes) by the name of the way, such
    as {"centre_crop": ..., "ten_crop": ...}.
    """
    return rates_of(*count_wrong(predict, batches, progress))


def count_wrong(
    predict: Callable[[dict], Mapping[str, np.ndarray]],
    batches: Iterable[dict],
    progress: Callable[[int], None] | None = None,
) -> tuple[int, dict[str, np.ndarray]]:
    """Counts what `error_rates` divides.

    Returns (images, {name: int array (2,), how many answers are wrong by top-1 and
    top-5}).
    """
    wrong: dict[str, np.ndarray] = {}
    count = 0
    for batch in batches:
        labels = batch["label"]
        for name, probabilities in predict(batch).items():
            now = [wrong_answers(probabilities, labels, k).sum() for k in (1, 5)]
            wrong[name] = wrong.get(name, 0) + np.array(now)
        count += len(labels)
        if progress is not None:
            progress(len(labels))
    return count, wrong


def rates_of(count: int, wrong: Mapping[str, np.ndarray]) -> dict:
    """Divides what `count_wrong` counted, here or in several processes together."""
    if not count:
        raise RunError("none of the images to evaluate on could be read")
    rates = {
        name: {"top1_error": float(top1) / count, "top5_error": float(top5) / count}
        for name, (top1, top5) in wrong.items()
    }
    return {"num_images": int(count), **rates}
