"""Slow twins of the sanity tests' measures, and units of networks made for them."""

import numpy as np

from visualize.figures.sanity.units import TOP, Units


def structural_similarity(one, other, mask, data_range, size=7):
    """The mean SSIM of two maps (height, width), window by window."""
    size = min(size, *mask.shape)
    size -= 1 - size % 2
    first, second = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    found = []
    for y in range(mask.shape[0] - size + 1):
        for x in range(mask.shape[1] - size + 1):
            window = slice(y, y + size), slice(x, x + size)
            if not mask[window].all():
                continue
            a, b = one[window].ravel(), other[window].ravel()
            covariance = np.cov(a, b)
            means = 2 * a.mean() * b.mean() + first
            means /= a.mean() ** 2 + b.mean() ** 2 + first
            spread = 2 * covariance[0, 1] + second
            spread /= covariance[0, 0] + covariance[1, 1] + second
            found.append(means * spread)
    return np.mean(found) if found else np.nan


def units_at(inputs, channels, positions, size, objects=None):
    """`TOP` units of each channel in as many images, each at a position of its own.

    size: of what a unit sees, whose first pixel is the position.
    """
    positions = np.asarray(positions).reshape(-1, 2)
    which = np.tile(np.arange(TOP), len(channels))
    fields = np.concatenate([positions, positions + size], axis=1)
    pictures = np.zeros((*inputs.shape[:3], 3), np.uint8)
    return Units(
        np.asarray(channels), positions, which, inputs, pictures, objects, fields
    )
