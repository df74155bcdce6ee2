"""One run over a number of images, in a process of its own, for `benchmarks.growth`.

`python -m benchmarks.growth_runs SUBJECT COUNT` prints one line of JSON: what the run
cost. A process of its own, because the peak of its memory cannot be set back.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

# Of the smallest images: drawing them costs less than what is measured.
IMAGES = "shapes:16"
BATCH_SIZE = 64
# Training steps of every run: an epoch's order is drawn over all of its images.
STEPS = 40
FEATURE_LAYERS, TOP_LAYERS = (5, 7), (1, 2, 3, 4, 5)


def train(split, classifier):
    """The mean image over all images, and some steps of a shuffled epoch."""
    import itertools

    import tensorflow as tf

    from zfkeras.data.files.bad_images import BadImages
    from zfkeras.data.pipeline import compute_mean_image, training_batches
    from zfkeras.training.config import OptimizerConfig
    from zfkeras.training.step import make_optimizer, make_train_step

    bad_images = BadImages(split.num_examples)
    compute_mean_image(split, classifier.preprocessing.image_size, bad_images)
    optimizer = make_optimizer(OptimizerConfig(), None)
    optimizer.build(classifier.model.trainable_variables)
    step = make_train_step(classifier.model, optimizer, tf.distribute.get_strategy())
    taken = 0
    for epoch in itertools.count():
        for batch in training_batches(
            split,
            classifier.preprocessing,
            BATCH_SIZE,
            seed=0,
            epoch=epoch,
            bad_images=bad_images,
        ):
            step(batch, tf.constant(BATCH_SIZE, tf.float32))
            taken += 1
            if taken == STEPS:
                return


def features(split, classifier):
    """The features of two layers into a new cache."""
    from transfer.features.extraction import extract

    with tempfile.TemporaryDirectory() as cache:
        extract(
            classifier,
            split,
            FEATURE_LAYERS,
            Path(cache),
            data=IMAGES,
            batch_size=BATCH_SIZE,
        )


def top_9(split, classifier):
    """The nine strongest activations of every channel of five layers."""
    from visualize.strongest.top_activations import TopActivations

    TopActivations(classifier, TOP_LAYERS).scan(split, batch_size=BATCH_SIZE)


SUBJECTS = {"training": train, "features": features, "top-9": top_9}


def memory(name: str) -> int:
    """This process's memory in bytes: "VmRSS", at present, or "VmHWM", at its peak.

    Not `resource`'s peak, which a child takes over from its parent.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def main(subject: str, count: str) -> None:
    """Runs and prints."""
    from zfkeras.data.register import open_source
    from zfkeras.models.presets import load

    classifier = load("quarter")
    split = open_source(f"{IMAGES}:{count}").split("train")
    before, started, processor = memory("VmRSS"), time.perf_counter(), _processor()
    SUBJECTS[subject](split, classifier)
    cost = {
        "images": split.num_examples,
        "seconds": time.perf_counter() - started,
        "processor_seconds": _processor() - processor,
        "memory_before": before,
        "peak_memory": memory("VmHWM"),
    }
    print(json.dumps(cost))


def _processor():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
