"""How much of a reconstruction is finer than the first layer's grid can carry.

A convolution of stride s samples the image every s pixels. On the way down the same
grid writes the reconstruction, and what it writes above half its sampling frequency,
1 / (2 s) cycles per pixel along an axis, are mirror images of coarser patterns: the
aliasing that Fig. 6d shows for stride 4. Plain NumPy; no network is run here.
"""

import numpy as np

_AT_ONCE = 32  # images whose spectra are in memory together


def share_beyond_grid(images: np.ndarray, stride: tuple[int, int]) -> np.ndarray:
    """Returns the share of power above half a grid's sampling frequency, or NaN.

    images: float array (n, height, width, channels); returns float array (n,).
    """
    parts = [
        _shares(images[start : start + _AT_ONCE], stride)
        for start in range(0, len(images), _AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _shares(images, stride):
    images = images.astype(np.float64)
    height, width = images.shape[1:3]
    # Hann windows whose first and last values are above 0.
    rows, columns = (np.hanning(side + 2)[1:-1] for side in (height, width))
    window = np.outer(rows, columns)[..., None]
    mean = np.sum(images * window, axis=(1, 2), keepdims=True) / window.sum()
    spectrum = np.fft.fft2((images - mean) * window, axes=(1, 2))
    power = np.sum(np.abs(spectrum) ** 2, axis=3)
    rows = np.abs(np.fft.fftfreq(height)) * 2 * stride[0] > 1
    columns = np.abs(np.fft.fftfreq(width)) * 2 * stride[1] > 1
    beyond = rows[:, None] | columns
    total = power.sum(axis=(1, 2))
    tiny = np.finfo(np.float64).eps * np.sum(images**2, axis=(1, 2, 3))
    share = (power * beyond).sum(axis=(1, 2)) / np.where(total > tiny, total, 1)
    return np.where(total > tiny, share, np.nan)
