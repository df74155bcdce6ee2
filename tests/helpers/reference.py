"""Slow, plain NumPy answers that the layers are checked against.

Nothing here imports the project: windows are walked one pixel at a time.
"""

import math

import numpy as np

# (pool_size, strides, padding, image height and width) of the tests of both pools: what
# XLA has compiled for one of them serves the other.
WINDOWS = [
    ((2, 2), (2, 2), "valid", (6, 8)),
    ((2, 2), (2, 2), "same", (5, 7)),
    ((3, 3), (2, 2), "valid", (8, 9)),
    ((3, 3), (2, 2), "same", (6, 7)),
    ((2, 2), (1, 1), "same", (4, 5)),
    ((2, 3), (3, 2), "valid", (9, 8)),
    ((2, 3), (3, 2), "same", (8, 6)),
    ((1, 2), (3, 4), "same", (7, 9)),
    ((2, 1), (4, 3), "valid", (9, 8)),
]


def images_of(kind, size, dtype="float32", channels=3):
    """Random images; "tied" ones hold few values, so that most windows have a tie."""
    generator = np.random.default_rng(0)
    shape = (2, *size, channels)
    if kind == "tied":
        return generator.integers(-1, 2, shape).astype(dtype)
    if kind == "infinite":
        images = generator.integers(0, 2, shape).astype(dtype)
        return np.where(images == 0, -np.inf, images - 1).astype(dtype)
    return generator.standard_normal(shape).astype(dtype)


def window_starts(length, pool, stride, padding):
    """First pixel of every window along an axis, negative where it overhangs."""
    if padding == "valid":
        return list(range(0, length - pool + 1, stride))
    count = math.ceil(length / stride)
    overhang = max((count - 1) * stride + pool - length, 0)
    return [i * stride - overhang // 2 for i in range(count)]


def max_pool_with_argmax(images, pool_size, strides, padding):
    """Pools (n, height, width, channels); returns (pooled, flat index in one image).

    The first maximum in reading order wins, the first NaN beats everything, and only
    pixels of the image take part.
    """
    n, height, width, channels = images.shape
    tops = window_starts(height, pool_size[0], strides[0], padding)
    lefts = window_starts(width, pool_size[1], strides[1], padding)
    pooled = np.zeros((n, len(tops), len(lefts), channels), images.dtype)
    argmax = np.zeros(pooled.shape, np.int64)
    for b, i, j, c in np.ndindex(*pooled.shape):
        candidates = [
            (images[b, y, x, c], (y * width + x) * channels + c)
            for y in range(max(tops[i], 0), min(tops[i] + pool_size[0], height))
            for x in range(max(lefts[j], 0), min(lefts[j] + pool_size[1], width))
        ]
        best, place = candidates[0]
        for value, index in candidates[1:]:
            if not math.isnan(best) and (math.isnan(value) or value > best):
                best, place = value, index
        pooled[b, i, j, c], argmax[b, i, j, c] = best, place
    return pooled, argmax


def unpool(pooled, argmax, height, width):
    """Adds every value of `pooled` at its flat index in one image of zeros."""
    n, _, _, channels = pooled.shape
    flat = np.zeros((n, height * width * channels), pooled.dtype)
    rows = np.broadcast_to(np.arange(n)[:, None, None, None], pooled.shape)
    np.add.at(flat, (rows.ravel(), argmax.ravel()), pooled.ravel())
    return flat.reshape(n, height, width, channels)


def pick(images, argmax):
    """Reads `images` at every flat index: the transpose of `unpool`."""
    values = np.zeros(argmax.shape, images.dtype)
    for place in np.ndindex(*argmax.shape):
        values[place] = images[place[0]].ravel()[argmax[place]]
    return values


def local_response_normalization(x, depth_radius, bias, alpha, beta):
    """Krizhevsky et al. 2012, sec. 3.3, in float64, one channel at a time."""
    x = np.asarray(x, np.float64)
    out = np.zeros_like(x)
    for c in range(x.shape[-1]):
        near = x[..., max(c - depth_radius, 0) : c + depth_radius + 1]
        energy = bias + alpha * (near**2).sum(axis=-1)
        out[..., c] = x[..., c] / energy**beta
    return out


def local_response_normalization_gradient(x, upstream, depth_radius, bias, alpha, beta):
    """Gradient of sum(upstream * lrn(x)) by x, from its full Jacobian."""
    x = np.asarray(x, np.float64)
    channels = x.shape[-1]
    distance = np.abs(np.arange(channels)[:, None] - np.arange(channels))
    near = distance <= depth_radius
    energy = bias + alpha * (x**2) @ near
    # d out_i / d x_j, out_i = x_i energy_i ^ -beta
    own = np.eye(channels) * (energy**-beta)[..., :, None]
    others = near * (x * energy ** (-beta - 1))[..., :, None] * x[..., None, :]
    jacobian = own - 2 * alpha * beta * others
    return np.einsum("...i,...ij->...j", np.asarray(upstream, np.float64), jacobian)


def numerical_gradient(function, x, step=1e-6):
    """Central differences of a scalar function of a float64 array."""
    gradient = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[place] += step
        behind[place] -= step
        gradient[place] = (function(ahead) - function(behind)) / (2 * step)
    return gradient


def filter_rms(kernel):
    """Root mean square of each filter of a kernel (..., filters)."""
    filters = kernel.shape[-1]
    return np.array(
        [
            math.sqrt(np.mean(np.asarray(kernel[..., f], np.float64) ** 2))
            for f in range(filters)
        ]
    )
