"""Our linear heads and scikit-learn's on as much as Caltech-101 has: 30 images a class.

Peers learn from the features, and from the samples' Gram coordinates, as our heads do
(`benchmarks.head_fits`, which also fits each in a process of its own). The features are
made up: noise on a pattern a class, rectified where it leaves as many above 0, 74 %, as
layer 1 of the quarter network on Caltech-101.

Peers on the features are measured on as many as layer 2 has, and scaled to layer 1:
there LinearSVC would hold up to 24 bytes for each of 290,400 features, 20 GB.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.checks import check_answers
from benchmarks.comparison import Comparison
from benchmarks.head_fits import SOLVED
from benchmarks.timing import Timing, summarised

CLASSES, IMAGES_A_CLASS, TEST_IMAGES = 102, 30, 510
LAYER_1, LAYER_2 = 290_400, 43_264
ON_GRAM, SCALED = " on Gram coordinates", ", scaled"
# What it is, ours, peer.
KINDS = [
    ("linear SVM", "SVMHead", "LinearSVC"),
    ("softmax", "SoftmaxHead", "LogisticRegression"),
]
# What peers must take over ours, if not as much.
TARGETS = {"LinearSVC": 10.0, "LinearSVC, scaled": 10.0}
MEMORY_TARGETS = {"LinearSVC, scaled": 20.0}
# Of decision values; solvers stop where further steps would change little.
TOLERANCE = 0.02


def run() -> list[Comparison]:
    """Time and memory of both kinds, with the features of layers 2 and 1."""
    with tempfile.TemporaryDirectory() as folder:
        _write_features(Path(folder), LAYER_2)
        fits = {kind: _fit(folder, ours, peer, 2) for kind, ours, peer in KINDS}
        _write_features(Path(folder), LAYER_1)
        wide = {kind: _fit(folder, ours, peer, 2, False) for kind, ours, peer in KINDS}
    results = []
    for kind, ours, peer in KINDS:
        # What peers take grows with the features: each is visited in turn.
        theirs = {
            key: [value * LAYER_1 / LAYER_2 for value in values]
            for key, values in fits[kind][peer].items()
        }
        wide[kind][peer + SCALED] = theirs
        results += _comparisons(kind, LAYER_2, ours, fits[kind])
        results += _comparisons(kind, LAYER_1, ours, wide[kind])
    return results


def _fit(folder, ours, peer, repeats, all_features=True) -> dict[str, dict]:
    """Contender -> seconds and megabytes of each fit, in turns; checks the answers."""
    turns = repeats * [ours, peer + ON_GRAM]
    if all_features:
        turns.append(peer)
    costs: dict = {name: {"seconds": [], "memory": []} for name in turns}
    for name in turns:
        for key, value in _child(name, folder).items():
            costs[name][key].append(value)
    answers = {name: np.load(Path(folder) / f"{name}.npy") for name in costs}
    for name, found in answers.items():
        classes = found.shape[1]  # LinearSVC solves some
        check_answers(name, found, answers[ours][:, :classes], TOLERANCE)
    return costs


def _comparisons(kind, n_features, ours, costs: Mapping) -> list[Comparison]:
    what = f"{kind}, {CLASSES * IMAGES_A_CLASS:,} images x {n_features:,} features"
    seconds, memory = (
        {name: _summary(values[key]) for name, values in costs.items()}
        for key in ("seconds", "memory")
    )
    targets = {name: TARGETS.get(name, 1.0) for name in seconds if name != ours}
    heavy = {name: goal for name, goal in MEMORY_TARGETS.items() if name in memory}
    note = ""
    if "LinearSVC" in costs:
        note = f"LinearSVC: {SOLVED} of {CLASSES} machines, time scaled to all."
    return [
        Comparison(what, ours, seconds, targets, note=note),
        Comparison(f"{what}, memory", ours, memory, heavy, unit="MB"),
    ]


def _summary(values):
    return summarised(values) if len(values) > 1 else Timing(*3 * values)


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
    command = [sys.executable, "-m", "benchmarks.head_fits", contender, str(folder)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout.splitlines()[-1])
