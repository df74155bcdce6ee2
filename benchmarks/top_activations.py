"""A scan for the strongest activations, against a plain pass over the same images."""

import tensorflow as tf

from benchmarks.timing import as_lines, interleaved
from visualize.top_activations import TopActivations
from zfkeras.data.bad_images import BadImages
from zfkeras.data.pipeline import evaluation_batches
from zfkeras.data.sources import open_source
from zfkeras.models.presets import load

BATCH_SIZE = 128


def run(data: str = "shapes", repeats: int = 9) -> tuple[list[str], dict]:
    """Times both over the validation images, reading and decoding included.

    Args:
        data: spec of the data.
        repeats: timed passes of each, at least 4.

    Returns:
        The lines of a table, and the timings by title.
    """
    split = open_source(data).split("validation")
    classifier = load("quarter")
    finder = TopActivations(classifier, [1, 2, 3, 4, 5])
    network = tf.function(lambda images: classifier.model(images, training=False))

    def plain_pass():
        bad_images = BadImages(split.num_examples)
        for batch in evaluation_batches(
            split, classifier.preprocessing, BATCH_SIZE, bad_images=bad_images
        ):
            network(batch["image"]).numpy()

    contenders = {
        "plain forward pass": plain_pass,
        "scan of layers 1-5": lambda: finder.scan(split, batch_size=BATCH_SIZE),
    }
    title = f"top activations, quarter, {split.num_examples} images of {data}"
    timings = interleaved(contenders, repeats, warmup=1)
    return as_lines(title, timings), {title: timings}
