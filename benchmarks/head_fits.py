"""Fits one head once, in a process of its own, for its time and its peak of memory.

`python -m benchmarks.head_fits CONTENDER FOLDER`. All contenders minimise the same: a
loss at C = 1 over features of unit mean square norm, the intercept regularised as well.
"""

import functools
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
from scipy.linalg import solve_triangular

#: LinearSVC solves one machine after the other: so many are solved, the rest is scaled.
SOLVED = 4


def decisions_of_ours(kind: str, features, labels, test):
    """Fits our head; returns seconds and the decisions on other images."""
    from transfer.heads.softmax import SoftmaxHead
    from transfer.heads.svm import SVMHead

    head = {"SVMHead": SVMHead, "SoftmaxHead": SoftmaxHead}[kind](C=1.0)
    started = time.perf_counter()
    head.fit(features, labels)
    seconds = time.perf_counter() - started
    return seconds, head.decision_function(test)


def decisions_of_raw_svm(features, labels, test):
    """Fits `SOLVED` machines of LinearSVC; returns scaled seconds and decisions."""
    from sklearn.svm import LinearSVC

    scale = _scale(features)
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
    return seconds[0] + labels.max() * one_more, decisions


def decisions_of_raw_softmax(features, labels, test):
    """Fits LogisticRegression on all features; returns seconds and decisions."""

    def with_ones(rows):
        wide = np.ones((len(rows), rows.shape[1] + 1), np.float32)
        np.divide(rows, scale, out=wide[:, :-1])
        return wide

    regression = _logistic_regression()
    started = time.perf_counter()
    scale = _scale(features)
    regression.fit(with_ones(features), labels)
    seconds = time.perf_counter() - started
    return seconds, regression.decision_function(with_ones(test))


def decisions_on_gram_coordinates(make_head: Callable, features, labels, test):
    """Fits a head on the Gram coordinates, which it makes; as the others."""
    head = make_head()
    started = time.perf_counter()
    scale, coordinates = gram_coordinates(features)
    with joblib.parallel_config("threading"):  # LinearSVC lets go of Python's lock
        head.fit(coordinates, labels)
    seconds = time.perf_counter() - started
    # The inner products of other images with the training images lead there, too.
    inner = (test @ features.T) / scale**2 + np.float32(1)
    others = solve_triangular(coordinates, inner.T, lower=True).T
    return seconds, head.decision_function(others)


def gram_coordinates(features: np.ndarray) -> tuple[np.float32, np.ndarray]:
    """Finds as many coordinates as samples that have the features' inner products.

    Features are scaled to unit mean square norm, and a one is added to each sample for
    the intercept, as our heads do. A linear model with an L2 penalty is then the same
    in these coordinates. The Cholesky factor takes a third of the time of
    eigenvectors; the Gram matrix of features that repeat each other would need those.
    """
    gram = features @ features.T
    scale = np.sqrt(np.diagonal(gram).mean())
    gram /= scale**2
    gram += 1
    return scale, np.linalg.cholesky(gram)


def svm_machines():
    """Makes LinearSVC for one class against the rest; the classes share the cores."""
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import LinearSVC

    return OneVsRestClassifier(LinearSVC(fit_intercept=False), n_jobs=-1)


def _logistic_regression():
    from sklearn.linear_model import LogisticRegression

    # Of its solvers for many classes the fastest on these features, and about as exact
    # as our head. At its own tolerance, 1e-4, it would not begin on all features: a
    # gradient of so many parts is small in each.
    return LogisticRegression(
        solver="newton-cg", tol=1e-6, fit_intercept=False, max_iter=1000
    )


def _scale(features):
    return np.sqrt(np.mean([np.dot(row, row) for row in features]))


FITS = {
    "SVMHead": functools.partial(decisions_of_ours, "SVMHead"),
    "LinearSVC": decisions_of_raw_svm,
    "LinearSVC on Gram coordinates": functools.partial(
        decisions_on_gram_coordinates, svm_machines
    ),
    "SoftmaxHead": functools.partial(decisions_of_ours, "SoftmaxHead"),
    "LogisticRegression": decisions_of_raw_softmax,
    "LogisticRegression on Gram coordinates": functools.partial(
        decisions_on_gram_coordinates, _logistic_regression
    ),
}


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
    features, test = (
        np.load(Path(folder) / f"{name}.npy", mmap_mode="r")
        for name in ("train", "test")
    )
    labels = np.load(Path(folder) / "labels.npy")
    with PeakMemory() as peak:
        seconds, decisions = FITS[contender](features, labels, test)
    np.save(Path(folder) / f"{contender}.npy", decisions)
    print(json.dumps({"seconds": seconds, "memory": peak.megabytes}))


if __name__ == "__main__":
    main(*sys.argv[1:])
