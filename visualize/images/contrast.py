"""Scales reconstructions and filters for display, in the same way in every figure."""

import numpy as np

ZERO = 128  # the grey that stands for 0, and for what lies outside an image


def to_uint8(
    values: np.ndarray, *, shared: bool = False, percentile: float = 99.5
) -> np.ndarray:
    """Turns signed values into RGB: 0 is mid-grey, and the largest sizes are extremes.

    The paper shows reconstructions with their contrast enhanced (Fig. 4) and does not
    say how. Here one factor scales all of an image's values alike, the three colours
    too, so that signs, hues and the proportions inside the image stay. The factor takes
    the `percentile` of the sizes of all values that are not 0 to full contrast: most of
    a reconstruction is 0, and a few spikes would leave the rest in the dark.

    Args:
        values: float array (n, height, width, 3) or (n, height, width, 1), any range;
            or one image, without the first axis.
        shared: one factor for all n images, so that their strengths compare. `False`
            (default): one for each, so that each uses the whole range.
        percentile: 0-100; 100 clips nothing.

    Returns:
        uint8 array of the same shape. Images of zeros are grey.

    Raises:
        ValueError: `values` is not of that shape, or not finite, or `percentile` is out
            of range.

    Example:
        >>> import numpy as np
        >>> image = np.array([0.0, 2.0, -1.0]).reshape(1, 1, 3)
        >>> to_uint8(image, percentile=100).ravel().tolist()
        [128, 255, 64]
    """
    values = np.asarray(values, np.float32)
    if values.ndim not in (3, 4) or values.shape[-1] not in (1, 3):
        raise ValueError(
            "`values` must be images (n, height, width, 3) or (n, height, width, 1), "
            f"or one of them. Received: values.shape={values.shape}."
        )
    if not np.isfinite(values).all():
        raise ValueError("`values` must be finite.")
    if not 0 <= percentile <= 100:
        raise ValueError(
            f"`percentile` must be from 0 to 100. Received: percentile={percentile!r}."
        )
    if not values.size:
        return values.astype(np.uint8)
    is_one = shared or values.ndim == 3
    groups = values.reshape(1 if is_one else len(values), -1)
    limits = _limits(np.abs(groups), percentile)[:, None, None, None]
    limits = limits[0] if is_one else limits
    unit = np.clip(values / limits, -1, 1)
    return np.rint(ZERO + unit * (255 - ZERO)).astype(np.uint8)


def _limits(sizes: np.ndarray, percentile: float) -> np.ndarray:
    """Returns a percentile of what is above 0 in each row of (groups, values)."""
    ordered = np.sort(sizes, axis=1)
    above = np.count_nonzero(ordered, axis=1)
    first = ordered.shape[1] - above
    rank = first + np.ceil(percentile / 100 * np.maximum(above - 1, 0)).astype(int)
    limits = ordered[np.arange(len(ordered)), np.minimum(rank, ordered.shape[1] - 1)]
    return np.where(limits > 0, limits, np.float32(1))
