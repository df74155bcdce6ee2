"""`SVMHead` against `LinearSVC` on the layers of a network, on real photographs.

`python -m benchmarks.svm_layers --data caltech101:PATH --workdir DIR` takes the first
fold's 30 training images of each class and five test images of each, and fits both with
one C, each in a process of its own. It needs no peer but scikit-learn. LinearSVC holds
up to 24 bytes a number: layer 1 at 224 pixels would take 20 GB, so it is left out where
there are more than 100,000 features (`benchmarks.heads` scales it).
"""

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.head_fits import PeakMemory
from transfer.experiments.arguments import layer_list
from zfkeras.cli import settings
from zfkeras.cli.command import Command, make_folder
from zfkeras.records import setting

MAX_PEER_FEATURES = 100_000
TEST_A_CLASS, C = 5, 1.0
OURS, PEER = "SVMHead", "LinearSVC"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerSettings(settings.ModelSettings):
    """A network, its layers and the photographs."""

    data: str = settings.some_data()
    variant: str | None = setting(
        None,
        metavar="NAME",
        help="a network of this name with random weights in place of --model, such as "
        "zfnet at 224 pixels",
    )
    layers: tuple[int | str, ...] = setting(
        (1, 5, 7), flag="--layer", type=layer_list, metavar="LIST", help="layers"
    )
    workdir: Path = settings.a_workdir("runs/svm-layers")


def compare(settings: LayerSettings) -> None:
    """Fits both on each layer and prints a row for each."""
    from transfer.features.extraction import extract
    from transfer.protocols.folds import folds
    from zfkeras.data.register import open_source
    from zfkeras.io.provenance import write_record

    make_folder(settings.workdir)
    source = open_source(settings.data)
    split = source.whole()
    (fold,) = folds(split.labels, 30, class_names=source.class_names, n_folds=1)
    test = [fold.test[split.labels[fold.test] == i] for i in np.unique(split.labels)]
    test = np.concatenate([places[:TEST_A_CLASS] for places in test])
    n_train = len(fold.train)
    features = extract(
        _classifier(settings),
        split.at(np.concatenate([fold.train, test])),
        settings.layers,
        settings.workdir / "features",
        data=settings.data,
    )
    np.save(settings.workdir / "labels.npy", features.labels[:n_train])
    rows = []
    for layer, values in features.layers.items():
        np.save(settings.workdir / "train.npy", values[:n_train])
        np.save(settings.workdir / "test.npy", values[n_train:])
        rows.append({"layer": layer, **_both(settings.workdir, values.shape[1])})
        print(json.dumps(rows[-1]), flush=True)
    for name in ("train", "test", "labels", OURS, PEER):
        (settings.workdir / f"{name}.npy").unlink(missing_ok=True)
    write_record(
        settings.workdir / "svm_layers.json", {"n_train": n_train, "rows": rows}
    )
    print(f"results in {settings.workdir}/svm_layers.json")


def _classifier(settings):
    from zfkeras.models.presets import load

    if settings.variant is None:
        return load(settings.model)
    import keras

    from zfkeras import ZFNet
    from zfkeras.data.preprocessing import Preprocessing
    from zfkeras.models.classifier import Classifier
    from zfkeras.models.variants import find_variant

    sizes = find_variant(settings.variant)
    keras.utils.set_random_seed(0)
    model = ZFNet(2, variant=settings.variant, kernel_initializer="he_normal")
    mean = np.full((sizes.image_size, sizes.image_size, 3), 127.5, np.float32)
    preprocessing = Preprocessing(mean, sizes.crop_size, 1 / 64)
    return Classifier(model, preprocessing, ("a", "b"), {})


def _both(folder: Path, n_features: int) -> dict:
    """Times, memory, and how far the decision values are apart."""
    row = {"features": n_features, OURS: _child(OURS, folder)}
    if n_features > MAX_PEER_FEATURES:
        return row
    row[PEER] = _child(PEER, folder)
    ours, theirs = (np.load(folder / f"{name}.npy") for name in (OURS, PEER))
    largest = np.abs(theirs).max()
    row["largest_difference"] = float(np.abs(ours - theirs).max() / largest)
    row["same_predictions"] = float((ours.argmax(1) == theirs.argmax(1)).mean())
    return row


def _child(name: str, folder: Path) -> dict:
    command = [sys.executable, "-m", "benchmarks.svm_layers", "--fit", name, folder]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def _fit(name: str, folder: str) -> None:
    """Fits one of both; prints seconds and megabytes, and keeps the decisions."""
    place = Path(folder)
    train, test = (
        np.load(place / f"{part}.npy", mmap_mode="r") for part in ("train", "test")
    )
    labels = np.load(place / "labels.npy")
    with PeakMemory() as peak:
        started = time.perf_counter()
        head = _fitted(name, train, labels)
        seconds = time.perf_counter() - started
    decisions = head.decision_function(np.asarray(test, np.float32))
    np.save(place / f"{name}.npy", decisions)
    print(json.dumps({"seconds": round(seconds, 2), "MB": round(peak.megabytes)}))


def _fitted(name, train, labels):
    if name == OURS:
        from transfer.heads.svm import SVMHead

        return SVMHead(C=C).fit(train, labels)
    from sklearn.svm import LinearSVC

    features = np.asarray(train, np.float64)  # what LinearSVC would make of them
    scale = np.sqrt(np.mean([np.dot(row, row) for row in features]))
    # As `SVMHead(C)` for raw features: see its documentation.
    head = LinearSVC(C=C / scale**2, intercept_scaling=scale, max_iter=100_000)
    return head.set_params(tol=1e-6).fit(features, labels)


SVM_LAYERS = Command(
    module="benchmarks.svm_layers",
    description="Compare SVMHead with scikit-learn's LinearSVC on the features of a "
    "network's layers: decision values, seconds, megabytes.",
    settings=LayerSettings,
    work=compare,
)

if __name__ == "__main__":
    if sys.argv[1:2] == ["--fit"]:
        _fit(*sys.argv[2:])
        sys.exit(0)
    sys.exit(SVM_LAYERS.main())
