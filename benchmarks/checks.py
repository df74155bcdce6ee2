"""Holds the answers of peers to ours, before their time is taken."""

import numpy as np


def check_answers(
    peer: str, found, ours, tolerance: float = 1e-3, share: float = 0.9
) -> None:
    """Raises AssertionError unless a peer answers what we do.

    Of each row, an image's answers, the distance to ours is taken, relative to ours.

    Args:
        peer: whose answers they are.
        found: (n_images, ...), of any number of answers each.
        ours: the same shape.
        tolerance: largest relative distance.
        share: of the images that must be so close, 0 to 1.
    """
    found, ours = (
        np.asarray(answers, np.float64).reshape(len(answers), -1)
        for answers in (found, ours)
    )
    assert found.shape == ours.shape, f"{peer}: {found.shape} in place of {ours.shape}"
    distances = np.linalg.norm(found - ours, axis=1)
    distances /= np.maximum(np.linalg.norm(ours, axis=1), 1e-30)
    distance = np.quantile(distances, share, method="lower")
    assert distance <= tolerance, f"{peer}: answers differ by {distance:.2g}"


def twin_images(model, count: int = 10) -> np.ndarray:
    """Makes images as the network takes them, for a look at a twin's answers.

    Returns:
        float32 array (count, height, width, channels).
    """
    shape = (count, *model.input_shape[1:])
    return np.random.default_rng(0).normal(0, 60, shape).astype(np.float32)
