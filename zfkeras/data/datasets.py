"""A data set as people train on it with Keras's own `fit`."""

import tensorflow as tf

from zfkeras.data.crops import Size
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.in_graph.crops import centre_crops
from zfkeras.data.in_graph.loading import good_ones, load_chunks
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source

# Examples among which each epoch draws anew. The order begins shuffled, so that it need
# not hold all: of some sources each is a whole file.
_SHUFFLED = 4096


def open_data(
    spec: str,
    split: str | None = None,
    *,
    size: Size = 224,
    preprocessing: Preprocessing | None = None,
    batch_size: int = 32,
    seed: int | None = 0,
) -> tf.data.Dataset:
    """Opens a split of a data set as a dataset for `keras.Model.fit`.

    Images that cannot be read are left out; the first ten are logged.

    Args:
        spec: the data set, as `--data` names it: "shapes", "folder:photographs",
            "tfds:caltech101" and so on.
        split: "train", "validation" or "test". `None` (default) means "train", or the
            only one there is.
        size: side of the images in pixels, or (height, width): each image is resized
            until it covers that, and its centre is cut out. Ignored if `preprocessing`
            is given.
        preprocessing: prepares the images in place of that; its centre crop is taken.
        batch_size: images in a batch, at least 1; the last one may be smaller, and one
            with images that cannot be read.
        seed: fixes the order, which is another one in each epoch. `None` means the
            split's own order.

    Returns:
        A `tf.data.Dataset` of (images, labels) with the attribute `class_names`:
        float32 (batch, height, width, 3), range 0-255 unless `preprocessing` says
        otherwise, and int64 (batch,), numbers of the class names.

    Raises:
        UsageError: no such data set or split, or one whose images show several classes.
        ValueError, TypeError: a size below 1, or no whole number.

    Example:
        >>> dataset = open_data("shapes", "validation", size=48, batch_size=8)
        >>> images, labels = next(iter(dataset))
        >>> images.shape, len(dataset.class_names)
        (TensorShape([8, 48, 48, 3]), 12)
    """
    preprocessing = preprocessing or Preprocessing((0, 0, 0), size)
    source = open_source(spec)
    source.check_one_class_each()
    images = source.split(source.split_name(split, "train"))

    examples = images.stream(None if seed is None else (seed,))
    if seed is not None:
        examples = examples.shuffle(_SHUFFLED, seed=seed)
    chunks = load_chunks(
        examples.enumerate(),
        images,
        preprocessing.image_shape[:2],
        BadImages(images.num_examples),
    )

    def prepared(batch):
        batch = good_ones(batch)
        return centre_crops(preprocessing, batch["image"]), batch["label"]

    # Bad ones are left out of their batches, so that the number of batches is known.
    count = -(-images.num_examples // batch_size)
    batches = chunks.unbatch().batch(batch_size).map(prepared)
    dataset = batches.apply(tf.data.experimental.assert_cardinality(count))
    dataset = dataset.prefetch(tf.data.AUTOTUNE)
    dataset.class_names = source.class_names
    return dataset
