"""Reads image files in Python and decodes them in TensorFlow's graph, several at once.

A JPEG that has the size asked for needs no Python but for its bytes. All other images
are decoded and resized by Pillow; the pixels of both ways are the same.
"""

import functools
import math

import numpy as np
import tensorflow as tf

from zfkeras.data.files.bad_images import BadImage, BadImages
from zfkeras.data.files.decoding import centre_fit, decode
from zfkeras.data.files.jpeg import is_plain_jpeg
from zfkeras.data.files.plain_pixels import read_plain_pixels
from zfkeras.data.split import Split

# Examples that are loaded in one call, and the bytes beyond which there are fewer. The
# way into Python and back costs more than reading a small image.
_LARGEST_CHUNK = 64
_CHUNK_BYTES = 2**21

#: Turns tf.data's tuner off. It has nothing to find, as images are loaded on all CPUs
#: with it or without, and its thread would sleep on, up to a minute, while an exhausted
#: iterator waits for its end.
UNTUNED = tf.data.Options()
UNTUNED.autotune.enabled = False


def load_chunks(
    examples: tf.data.Dataset,
    split: Split,
    shape: tuple[int, int],
    bad_images: BadImages,
) -> tf.data.Dataset:
    """Loads (position, example) as pictures of (height, width), in order, in chunks.

    {"image": uint8 (n, height, width, 3), "label", "position": int64 (n,), "good": bool
    (n,)}, and "soft_label": float32 (n, classes) where the split has them. Images that
    cannot be read are black and not good.
    """
    pixels = (*shape, 3)
    read = functools.partial(_read, split, shape, bad_images)

    def load(chunk, in_graph):
        keys, ids = chunk["key"], chunk["id"]
        contents, is_jpeg, good = tf.numpy_function(
            read, [keys, ids, in_graph], [tf.string, tf.bool, tf.bool]
        )
        good.set_shape((None,))
        images = tf.map_fn(
            lambda pair: _picture(*pair, pixels),
            (contents, is_jpeg),
            fn_output_signature=tf.TensorSpec(pixels, tf.uint8),
        )
        loaded = {
            "image": images,
            "label": chunk["label"],
            "position": chunk["position"],
            "good": good,
        }
        if split.soft_labels is not None:
            loaded["soft_label"] = split.soft_labels.of(ids)
        return loaded

    def load_surely(position, example):
        """Has Pillow load a chunk, and name the bad image, if TensorFlow fails."""
        chunk = tf.data.Dataset.from_tensors({**example, "position": position})
        quick = chunk.map(functools.partial(load, in_graph=True)).ignore_errors()
        slow = chunk.map(functools.partial(load, in_graph=False))
        return quick.concatenate(slow).take(1).get_single_element()

    size = max(1, min(_LARGEST_CHUNK, _CHUNK_BYTES // math.prod(pixels)))
    chunks = examples.batch(size).map(load_surely, num_parallel_calls=tf.data.AUTOTUNE)
    return chunks.with_options(UNTUNED)


def good_ones(chunk: dict) -> dict:
    """Leaves out the images of a chunk or batch that could not be read."""
    good = chunk.pop("good")

    def chosen():
        return {key: tf.boolean_mask(value, good) for key, value in chunk.items()}

    return tf.cond(tf.reduce_all(good), lambda: chunk, chosen)


def _read(split, shape, bad_images, keys, ids, in_graph):
    """Reads files: JPEGs as they are if they are plain, of others the pixels."""
    contents = np.empty(len(keys), object)  # of bytes, an array would lose zeros
    is_jpeg, good = np.zeros((2, len(keys)), np.bool_)
    for row, (key, name) in enumerate(zip(keys, ids, strict=True)):
        try:
            encoded = split.read(key)
            is_jpeg[row] = in_graph and is_plain_jpeg(encoded, shape)
            contents[row] = encoded if is_jpeg[row] else _pixels(encoded, shape)
            good[row] = True
        except (BadImage, OSError) as err:
            bad_images.add(name.decode("utf-8", "replace"), str(err))
            contents[row] = bytes(math.prod(shape) * 3)
    return contents, is_jpeg, good


def _pixels(encoded, shape):
    """Decodes an image with Pillow at (height, width) and returns its bytes."""
    if (pixels := read_plain_pixels(encoded, shape)) is not None:
        return pixels
    return centre_fit(decode(encoded, max(shape)), shape).tobytes()


def _picture(content, is_jpeg, pixels):
    """Makes uint8 (height, width, 3) of a JPEG or of the bytes of its pixels."""

    def decoded():
        # Pillow's method; TensorFlow's own choice differs by up to eight grey levels.
        return tf.io.decode_jpeg(content, 3, dct_method="INTEGER_ACCURATE")

    def reshaped():
        return tf.reshape(tf.io.decode_raw(content, tf.uint8), pixels)

    return tf.ensure_shape(tf.cond(is_jpeg, decoded, reshaped), pixels)
