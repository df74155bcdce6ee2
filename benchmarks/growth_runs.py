"""One run over a number of images, in a process of its own, for `benchmarks.growth`.

`python -m benchmarks.growth_runs SUBJECT COUNT` prints one line of JSON: what the run
cost. A process of its own, because the peak of its memory cannot be set back.
"""

import contextlib
import json
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

# Of the smallest images: drawing them costs less than what is measured.
IMAGES = "shapes:16"
BATCH_SIZE = 64
FEATURE_LAYERS, TOP_LAYERS = (5, 7), (1, 2, 3, 4, 5)


def train(data, folder):
    """An epoch with all that belongs to it: mean image, validation, checkpoints."""
    from zfkeras.configs import get_config
    from zfkeras.training.config import with_values
    from zfkeras.training.run import run_experiment

    changes = {"data.source": data, "epochs": 1, "batch_size": BATCH_SIZE}
    run_experiment(with_values(get_config("zfnet_shapes"), changes), folder)


def features(data, folder, engine=None):
    """The features of two layers into a new cache."""
    from transfer.features.extraction import extract
    from zfkeras.data.register import open_split
    from zfkeras.models.presets import load

    extract(
        load("quarter"),
        open_split(data, "train"),
        FEATURE_LAYERS,
        folder,
        data=data,
        batch_size=BATCH_SIZE,
        engine=engine,
    )


def features_of_workers(data, folder):
    """The same on two processes of Dask."""
    import functools

    from zfkeras.data.register import open_split
    from zfkeras.passes.dask_engine import DaskEngine

    open_images = functools.partial(open_split, data, "train")
    features(data, folder, DaskEngine(None, 2, open_images))


def top_9(data, folder):
    """The nine strongest activations of every channel of five layers."""
    from visualize.strongest.top_activations import TopActivations
    from zfkeras.data.register import open_split
    from zfkeras.models.presets import load

    finder = TopActivations(load("quarter"), TOP_LAYERS)
    finder.scan(open_split(data, "train"), batch_size=BATCH_SIZE)


SUBJECTS = {
    "training": train,
    "features": features,
    "features on Dask": features_of_workers,
    "top-9": top_9,
}


class Watch:
    """Follows the memory and the processor time of this process's children."""

    def __init__(self):
        self.peaks, self.seconds = {}, {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def _look(self):
        while not self._done.wait(0.2):
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error, OSError, KeyError):
                    times = child.cpu_times()
                    self.seconds[child.pid] = times.user + times.system
                    self.peaks[child.pid] = peak_memory(child.pid)


def peak_memory(pid: int | str = "self") -> int:
    """Returns the peak of a process's memory in bytes.

    Not `resource`'s, which a child takes over from its parent.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise KeyError(pid)


def main(subject: str, count: str) -> None:
    """Runs and prints."""
    started = time.perf_counter()
    with Watch() as children, tempfile.TemporaryDirectory() as folder:
        SUBJECTS[subject](f"{IMAGES}:{count}", Path(folder))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cost = {
        "images": int(count),
        "seconds": time.perf_counter() - started,
        "processor_seconds": used.ru_utime
        + used.ru_stime
        + sum(children.seconds.values()),
        "peak_memory": peak_memory(),
        "peak_memory_of_children": max(children.peaks.values(), default=0),
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    main(*sys.argv[1:])
