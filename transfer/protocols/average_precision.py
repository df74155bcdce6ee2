"""Average precision of rankings by score, by the three definitions in use."""

import numpy as np

#: Name -> definition.
DEFINITIONS = {
    "all_point": "area under the precision that never rises with recall "
    "(VOC since 2010)",
    "eleven_point": "mean of the highest precision from recalls 0, 0.1, ..., 1 on "
    "(VOC 2007)",
    "step": "sum of precision times gain in recall, not interpolated (scikit-learn)",
}
_RECALLS = np.arange(11) / 10


def average_precision(relevant: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Computes the average precision of one ranking.

    Images with the same score have no order: they enter the curve together, as in
    scikit-learn. VOC's development kit sorts with a stable sort and so ranks them in
    the order of its list of images: with ties its numbers depend on that order.

    Args:
        relevant: (n_images,), whether each image shows the class: bool, or 0 and 1.
        scores: (n_images,), finite numbers, the higher the surer.

    Returns:
        Definition -> average precision, a fraction of 1: "all_point", the area under
        the precision that never rises with recall (VOC since 2010); "eleven_point", the
        mean of the highest precision from recalls 0, 0.1, ..., 1 on (VOC 2007);
        "step", the sum of precision times gain in recall (scikit-learn).

    Raises:
        ValueError: no image is relevant, not as many scores, or a score that is not
            finite.

    Example:
        >>> found = average_precision([True, False, True], [0.9, 0.8, 0.7])
        >>> round(found["step"], 3)
        0.833
    """
    relevant, scores = np.asarray(relevant, bool), np.asarray(scores)
    if relevant.shape != scores.shape or relevant.ndim != 1 or not relevant.any():
        raise ValueError(
            "`relevant` must be as many as `scores`, at least one of them true. "
            f"Received: relevant.shape={relevant.shape}, scores.shape={scores.shape}, "
            f"{int(relevant.sum())} true."
        )
    if not np.isfinite(scores).all():
        raise ValueError("`scores` must be finite.")
    precision, recall = _curve(relevant, scores)
    gain = np.diff(recall, prepend=0.0)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    # Recalls are rounded quotients: 7 / 10 must reach 0.7.
    places = np.searchsorted(recall, _RECALLS - 1e-9)
    return {
        "all_point": float(gain @ envelope),
        "eleven_point": float(envelope[places].mean()),
        "step": float(gain @ precision),
    }


def average_precisions(targets: np.ndarray, scores: np.ndarray) -> dict[str, list]:
    """Computes the average precision of each class; `None` for one without images.

    Target 0 (difficult) leaves an image out of the class.

    Shapes: `targets` (n_images, n_classes), `scores` (n_images, n_classes).
    """
    found: dict[str, list] = {name: [None] * targets.shape[1] for name in DEFINITIONS}
    for label in range(targets.shape[1]):
        kept = targets[:, label] != 0
        relevant = targets[kept, label] == 1
        if relevant.any():
            values = average_precision(relevant, scores[kept, label])
            for name, value in values.items():
                found[name][label] = value
    return found


def _curve(relevant, scores):
    """Returns precision and recall after each score, from the highest score on."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    hits = np.cumsum(relevant[order])[last]
    return hits / (last + 1), hits / hits[-1]
