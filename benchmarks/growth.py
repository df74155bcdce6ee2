"""How costs grow: with images, channels, positions of the occluder, and classes.

Runs over images are child processes (`benchmarks.growth_runs`), for each its own peak
of memory; the rest is timed here. Times are the processor's, of all threads, which
other programs on the machine change less than the clock's.
"""

import dataclasses
import functools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.growth_runs import SUBJECTS
from benchmarks.power_law import fit
from transfer.heads.svm import SVMHead
from visualize.deconvnet.deconvnet import Deconvnet
from visualize.figures.occlusion.sliding_occluder import SlidingOccluder
from visualize.strongest.top_activations import TopActivations
from zfkeras.data.register import open_source
from zfkeras.models.presets import load

IMAGES = (1_000, 10_000, 100_000)
REPEATS = 5


@dataclasses.dataclass(frozen=True)
class Cost:
    """The time and memory that one problem size takes."""

    size: int
    processor_seconds: float
    seconds: float
    peak_memory: int | None = None  # of the process, or of its largest child


def run() -> tuple[list[str], dict]:
    """Returns (printed lines, results): title -> {size: `Cost`}."""
    growth = {f"{name}, by images": by_images(name) for name in SUBJECTS}
    classifier = load("quarter")
    growth["deconvnet of pool5, by channels"] = by_projections(classifier)
    growth["top-9, by channels"] = by_channels(classifier)
    growth["occlusion, by positions"] = by_positions(classifier)
    growth["linear SVM, by classes"] = by_classes()
    lines = ["growth: processor seconds = start + each * size ** slope"]
    for title, costs in growth.items():
        lines += as_lines(title, costs)
    return lines, {
        title: {str(cost.size): cost for cost in costs}
        for title, costs in growth.items()
    }


def as_lines(title: str, costs: Sequence[Cost]) -> list[str]:
    """A printed table of one growth."""
    law = fit([cost.size for cost in costs], [cost.processor_seconds for cost in costs])
    lines = [f"  {title}: slope {law.slope:.2f} beyond {law.start:.2g} s"]
    for cost in costs:
        memory = cost.peak_memory
        peak = "" if memory is None else f"  peak {memory / 2**20:.0f} MB"
        lines.append(f"    {cost.size:>9,} {cost.processor_seconds:10.3f} s{peak}")
    if costs[0].peak_memory is not None:
        grown = costs[-1].peak_memory / costs[0].peak_memory - 1
        lines.append(f"    memory from the least to the most: {grown:+.1%}")
    return lines


def draw(results: dict, folder: Path) -> Path:
    """Draws what `run` returned."""
    from benchmarks.render import draw_growth

    growth = {title: [*costs.values()] for title, costs in results.items()}
    return draw_growth(growth, folder / "growth.png")


def by_images(subject: str) -> list[Cost]:
    """Runs over more and more images, each in a process of its own."""
    costs = []
    for count in IMAGES:
        command = [sys.executable, "-m", "benchmarks.growth_runs", subject, str(count)]
        print(f"growth: {subject} of {count:,} images", flush=True)
        finished = subprocess.run(command, capture_output=True, text=True)
        if finished.returncode:
            raise RuntimeError(f"{command} failed:\n{finished.stderr[-2000:]}")
        found = json.loads(finished.stdout.splitlines()[-1])
        peak = max(found["peak_memory"], found["peak_memory_of_children"])
        used = found["processor_seconds"], found["seconds"]
        costs.append(Cost(found["images"], *used, peak))
    return costs


def by_projections(classifier) -> list[Cost]:
    """Reconstructions of more and more channels of one image."""
    deconvnet = Deconvnet(classifier.model)
    image = tf.random.stateless_normal((1, 56, 56, 3), (0, 0), stddev=60.0).numpy()
    most = int(classifier.model.get_layer("pool5").output[0].shape[-1])

    def project(count):
        channels = np.arange(count)
        deconvnet.project(image, 5, channels, image=np.zeros(count, np.int64))

    return [_timed(n, functools.partial(project, n)) for n in _doubled(8, most)]


def by_channels(classifier) -> list[Cost]:
    """Scans of 600 images for the channels of more and more layers."""
    split = open_source("shapes").split("validation")
    costs = []
    for last in (1, 2, 3, 4, 5):
        finder = TopActivations(classifier, [*range(1, last + 1)])
        channels = sum(tensor.shape[-1] for _, tensor in finder.tensors.values())
        costs.append(_timed(channels, functools.partial(finder.scan, split)))
    return costs


def by_positions(classifier) -> list[Cost]:
    """Occlusion maps of one image at finer and finer strides."""
    occluder = SlidingOccluder(classifier.model, 5)
    image = tf.random.stateless_normal((56, 56, 3), (1, 0), stddev=60.0).numpy()
    costs = []
    for stride in (8, 4, 2, 1):
        maps = functools.partial(
            occluder.maps, image, patch_size=12, patch_stride=stride
        )
        costs.append(_timed(maps().probabilities.size, maps))
    return costs


def by_classes() -> list[Cost]:
    """Linear SVMs of more and more classes on the same number of samples."""
    random = np.random.default_rng(0)
    samples = random.normal(size=(2048, 4096)).astype(np.float32)
    costs = []
    for classes in _doubled(2, 256):
        labels = np.arange(len(samples)) % classes
        samples_of_classes = samples + 0.5 * random.normal(size=(classes, 4096))[
            labels
        ].astype(np.float32)
        head = functools.partial(SVMHead(C=1.0).fit, samples_of_classes, labels)
        costs.append(_timed(classes, head))
    return costs


def _doubled(first, last):
    sizes = [first]
    while sizes[-1] * 2 <= last:
        sizes.append(sizes[-1] * 2)
    return sizes


def _timed(size: int, work: Callable[[], object]) -> Cost:
    """Medians of some runs, after one that is not timed."""
    work()
    runs = []
    for _ in range(REPEATS):
        started = time.process_time(), time.perf_counter()
        work()
        runs.append(
            (time.process_time() - started[0], time.perf_counter() - started[1])
        )
    processor, clock = np.median(runs, axis=0)
    return Cost(size, float(processor), float(clock))
