"""Converts a network, measures how far both sides are apart, and writes the file.

What is measured is printed and stands in a record beside the file.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from importlib import util
from pathlib import Path

import numpy as np
from tqdm import tqdm

from zfkeras.conversion import preset
from zfkeras.conversion.caffe.reader import read_caffe
from zfkeras.conversion.network import Convention, Network
from zfkeras.conversion.sample import sample
from zfkeras.data.register import open_source
from zfkeras.errors import UsageError
from zfkeras.io.files import written_whole
from zfkeras.io.invocation import command_line
from zfkeras.io.provenance import environment, write_record
from zfkeras.models.classifier import Classifier


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The images on which both sides are compared."""

    data: str = "shapes"
    split: str | None = None
    num_images: int = 32
    batch_size: int = 32
    seed: int = 0


def require_onnx() -> None:
    """Checks that onnx and onnxruntime are installed."""
    missing = [name for name in ("onnx", "onnxruntime") if util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} must be installed for ONNX: "
            "pip install 'zfkeras[onnx]'."
        )


def read_foreign(path: Path, prototxt: Path | None = None) -> tuple[Network, object]:
    """Reads a network and its graph's taps, `None` for those of Caffe."""
    if path.suffix == ".caffemodel":
        return read_caffe(path, prototxt), None
    if prototxt is not None:
        raise UsageError(f"--prototxt is for .caffemodel files, not {path}.")
    require_onnx()
    from zfkeras.conversion.onnx.reader import read_onnx

    return read_onnx(path)


def convert_to_keras(
    path: Path,
    foreign: tuple[Network, object],
    settings: preset.Settings,
    output: Path,
    comparison: Comparison,
    *,
    half_weights: bool = False,
) -> None:
    """Converts what `read_foreign` read of `path` into a `.keras` file."""
    network, taps = foreign
    made = {
        "converted_from": {
            "file": path.name,
            "format": path.suffix[1:],
            "sha256": _sha256(path),
        },
        "command": command_line(),
        "environment": environment(),
    }
    classifier = preset.make_classifier(network, settings, made)
    convention = preset.convention_of(network, settings)
    measured = _compare(classifier, taps, convention, comparison)
    classifier.save(output, half_weights=half_weights)
    _write_record(path, output, classifier, measured)


def convert_to_onnx(
    name: str, classifier: Classifier, output: Path, comparison: Comparison
) -> None:
    """Converts one of our networks, loaded by that name, into an `.onnx` file."""
    require_onnx()
    from zfkeras.conversion.onnx.writer import write_graph

    taps = write_graph(classifier)
    scale = np.full(3, classifier.preprocessing.input_scale, np.float32)
    measured = _compare(classifier, taps, Convention(None, scale, False), comparison)
    with written_whole(output) as file:
        file.write(taps.model.SerializeToString())
    _write_record(name, output, classifier, measured)


def _compare(classifier, taps, convention, comparison) -> dict:
    """Compares both sides; returns what the record says of it."""
    model, prepared = classifier.model, classifier.preprocessing
    print(
        f"{model.name}: {model.count_params():,} parameters, "
        f"{len(classifier.class_names)} classes, crops of {prepared.crop_size} from "
        f"images of {prepared.image_size} pixels"
    )
    if taps is None:
        print("not compared: there is nothing here that runs Caffe's files")
        return {"compared_on": None, "differences": {}}
    from zfkeras.conversion import compare

    split = open_source(comparison.data).split_name(comparison.split)
    wanted, size = comparison.num_images, comparison.batch_size
    batches = sample(comparison.data, split, wanted, prepared, size, comparison.seed)
    with tqdm(total=wanted, unit=" images", disable=wanted <= size) as bar:
        differences = compare.compare(
            classifier, taps, _counted(batches, bar), convention
        )
    print("largest differences from onnxruntime, of the largest value (as a share):")
    print(compare.report(differences))
    compare.refuse_wrong(differences)
    return {
        "compared_on": {
            "data": comparison.data,
            "split": split,
            "seed": comparison.seed,
            "num_images": bar.n,
        },
        "differences": {
            name: {"maximum": one.maximum, "largest": one.largest}
            for name, one in differences.items()
        },
    }


def _counted(batches: Iterable[np.ndarray], bar: tqdm) -> Iterator[np.ndarray]:
    """Yields the batches and moves the bar once they are used."""
    for batch in batches:
        yield batch
        bar.n += len(batch)
        bar.refresh()


def _sha256(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_record(model, output, classifier, measured):
    record = {
        "model": str(model),
        "output": str(output),
        **measured,
        "parameters": classifier.model.count_params(),
        "made": dict(classifier.made),
    }
    path = output.with_suffix(f"{output.suffix}.json")
    write_record(path, record)
    print(f"written to {output}, its record to {path}")
