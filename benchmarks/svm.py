"""`SVMHead` against `LinearSVC` on as much as Caltech-101 has: 30 images a class.

Each fit is a process of its own, `python -m benchmarks.svm CONTENDER FOLDER`, for its
peak of memory. The features are made up: noise on a pattern a class, rectified where it
leaves as many above 0, 74 %, as layer 1 of the quarter network on Caltech-101.

LinearSVC holds up to 24 bytes for each number, 8 and 16 more where it is not 0: 20 GB
for the 290,400 features of layer 1. So it is measured on as many as layer 2 has, and on
some of the 102 machines, which it solves one after the other; the rest is scaled.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.comparison import Comparison
from benchmarks.timing import Timing, summarised

CLASSES, IMAGES_A_CLASS, TEST_IMAGES = 102, 30, 510
LAYER_1, LAYER_2 = 290_400, 43_264
# Machines that LinearSVC solves.
SOLVED = 4
REPEATS = 4
OURS, PEER, SCALED = "SVMHead", "LinearSVC", "LinearSVC, scaled"


def run() -> list[Comparison]:
    """Time and memory at layer 2 against LinearSVC, and at layer 1 alone."""
    with tempfile.TemporaryDirectory() as folder:
        _write_features(Path(folder), LAYER_2)
        ours = [_child(OURS, folder) for _ in range(REPEATS)]
        theirs = _child(PEER, folder)
        one, other = (np.load(Path(folder) / f"{name}.npy") for name in (OURS, PEER))
        _write_features(Path(folder), LAYER_1)
        alone = [_child(OURS, folder) for _ in range(REPEATS)]
    agreement = {
        "same_decisions": float(np.mean((one > 0) == (other > 0))),
        "largest_difference": float(np.abs(one - other).max()),
        "largest_decision": float(np.abs(other).max()),
    }
    seconds, memory = theirs["seconds"], theirs["memory"]
    size = f"{CLASSES * IMAGES_A_CLASS:,} images x"
    note = (
        f"LinearSVC: {SOLVED} of {CLASSES} machines, time scaled to all. "
        f"{agreement['same_decisions']:.2%} of their decisions on {TEST_IMAGES} other "
        f"images are the same; values differ by {agreement['largest_difference']:.2g} "
        f"at most, the largest is {agreement['largest_decision']:.2g}."
    )
    return [
        Comparison(
            f"linear SVM, {size} {LAYER_2:,} features",
            OURS,
            {OURS: _of(ours, "seconds"), PEER: Timing(seconds, seconds, seconds)},
            {PEER: 10.0},
            note=note,
            others=agreement,
        ),
        Comparison(
            f"linear SVM, {size} {LAYER_2:,} features, memory",
            OURS,
            {OURS: _of(ours, "memory"), PEER: Timing(memory, memory, memory)},
            unit="MB",
        ),
        Comparison(
            f"linear SVM, {size} {LAYER_1:,} features",
            OURS,
            {OURS: _of(alone, "seconds"), SCALED: _scaled(seconds)},
            {SCALED: 10.0},
        ),
        Comparison(
            f"linear SVM, {size} {LAYER_1:,} features, memory",
            OURS,
            {OURS: _of(alone, "memory"), SCALED: _scaled(memory)},
            {SCALED: 20.0},
            unit="MB",
        ),
    ]


def _scaled(value):
    """What LinearSVC takes grows with the features: each is visited in turn."""
    value *= LAYER_1 / LAYER_2
    return Timing(value, value, value)


def _of(children, key):
    return summarised([child[key] for child in children])


def _write_features(folder, n_features):
    random = np.random.default_rng(0)
    patterns = random.normal(0, 0.2, (CLASSES, n_features)).astype(np.float32)
    labels = np.arange(CLASSES * IMAGES_A_CLASS) % CLASSES
    for name, count in (("train", len(labels)), ("test", TEST_IMAGES)):
        features = np.lib.format.open_memmap(
            folder / f"{name}.npy", "w+", np.float32, (count, n_features)
        )
        for number in range(count):
            noise = random.standard_normal(n_features, np.float32)
            noise += patterns[number % CLASSES]
            features[number] = np.maximum(noise + np.float32(0.65), 0)
        features.flush()
    np.save(folder / "labels.npy", labels)


def _child(contender, folder):
    command = [sys.executable, "-m", "benchmarks.svm", contender, str(folder)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def _fit_ours(features, labels, test):
    from transfer.heads.svm import SVMHead

    started = time.perf_counter()
    head = SVMHead(C=1.0).fit(features, labels)
    seconds = time.perf_counter() - started
    return seconds, head.decision_function(test)[:, :SOLVED]


def _fit_linear_svc(features, labels, test):
    from sklearn.svm import LinearSVC

    # As `SVMHead(C=1)` for these features: see its documentation.
    scale = np.sqrt(np.mean([np.dot(row, row) for row in features]))
    seconds = []
    for solved in (1, SOLVED):
        # Every class from `solved` on is one: it is solved, too, if there are others.
        targets = np.minimum(labels, solved)
        svm = LinearSVC(C=scale**-2, intercept_scaling=scale)
        started = time.perf_counter()
        svm.fit(features, targets)
        seconds.append(time.perf_counter() - started)
    one_more = (seconds[1] - seconds[0]) / SOLVED
    decisions = svm.decision_function(test)[:, :SOLVED]
    return seconds[0] + (CLASSES - 1) * one_more, decisions


class PeakMemory:
    """Megabytes that a process took itself, at most; mapped files do not count."""

    def __enter__(self):
        self.megabytes, self._before, self._done = 0.0, _own_memory(), False
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._done:
            self.megabytes = max(self.megabytes, _own_memory() - self._before)
            time.sleep(0.01)

    def __exit__(self, *error):
        self._done = True
        self._thread.join()


def _own_memory():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return 0.0


def main(contender: str, folder: str) -> None:
    """Fits once; prints seconds and megabytes, and keeps the decisions."""
    fit = _fit_ours if contender == OURS else _fit_linear_svc
    features, test = (
        np.load(Path(folder) / f"{name}.npy", mmap_mode="r")
        for name in ("train", "test")
    )
    labels = np.load(Path(folder) / "labels.npy")
    with PeakMemory() as peak:
        seconds, decisions = fit(features, labels, test)
    np.save(Path(folder) / f"{contender}.npy", decisions)
    print(json.dumps({"seconds": seconds, "memory": peak.megabytes}))


if __name__ == "__main__":
    main(*sys.argv[1:])
