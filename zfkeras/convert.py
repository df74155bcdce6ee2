"""`python -m zfkeras.convert`: networks of ONNX and Caffe to ours, ours to ONNX."""

import argparse
import sys
from pathlib import Path

from zfkeras.cli import arguments, command
from zfkeras.conversion.arguments import (
    add_description,
    check_none,
    check_prepared,
    settings_of,
)
from zfkeras.errors import UsageError


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command's arguments."""
    parser = arguments.make_parser(
        "zfkeras.convert",
        "Convert a ZFNet-like network from ONNX or Caffe, or one of ours into ONNX. "
        "From ONNX or Caffe it becomes a self-sufficient .keras file. How far both "
        "sides are apart is measured (docs/weights.md).",
    )
    parser.add_argument(
        "output",
        type=Path,
        metavar="OUT",
        help="the file to write: .keras from a foreign network, .onnx from one of ours",
    )
    parser.add_argument(
        "--model",
        default=arguments.DEFAULT_MODEL,
        metavar="MODEL",
        help=".onnx or .caffemodel file; or preset (quarter: the network in the box) "
        "or .keras file",
    )
    add_description(parser)
    parser.add_argument(
        "--half-weights",
        action="store_true",
        help="store a .keras file's weights as float16, half the size",
    )
    arguments.add_data(parser, default_text="shapes, which are built in")
    arguments.add_split(parser)
    parser.add_argument(
        "--num-images",
        type=arguments.positive_int,
        default=32,
        metavar="N",
        help="images of the split on which both sides are compared",
    )
    arguments.add_batch_size(parser, default=32)
    arguments.add_seed(parser)
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), convert, argv)


def convert(args: argparse.Namespace) -> None:
    """Converts a network as parsed arguments say, and prints what comes of it."""
    args.data = args.data or "shapes"
    suffix = Path(args.model).suffix
    if suffix not in ("", ".keras", ".onnx", ".caffemodel"):
        raise UsageError(
            "--model must be a preset or a .keras, .onnx or .caffemodel file. "
            f"Received: {args.model}."
        )
    is_foreign = suffix in (".onnx", ".caffemodel")
    if args.output.suffix != (".keras" if is_foreign else ".onnx"):
        wanted = "a .keras" if is_foreign else "an .onnx"
        raise UsageError(
            f"OUT must be {wanted} file for --model {args.model}. "
            f"Received: {args.output}."
        )
    if is_foreign:
        _to_keras(args)
    else:
        check_none(args)
        if args.half_weights:
            raise UsageError("--half-weights is for a .keras file.")
        _to_onnx(args)


def _to_onnx(args):
    require_onnx()
    import numpy as np

    from zfkeras.conversion.network import Convention
    from zfkeras.conversion.onnx.writer import write_graph
    from zfkeras.io.files import written_whole
    from zfkeras.models.presets import load

    classifier = load(args.model)
    taps = write_graph(classifier)
    scale = np.full(3, classifier.preprocessing.input_scale, np.float32)
    compared = _compared(args, classifier, taps, Convention(None, scale, False))
    with written_whole(args.output) as file:
        file.write(taps.model.SerializeToString())
    _write_record(args, classifier, *compared)


def _to_keras(args):
    from zfkeras.conversion import preset

    network, taps = _read(args)
    settings = settings_of(args)
    classifier = preset.make_classifier(network, settings, _made(args))
    convention = preset.convention_of(network, settings)
    compared = _compared(args, classifier, taps, convention)
    classifier.save(args.output, half_weights=args.half_weights)
    _write_record(args, classifier, *compared)


def _read(args):
    """Returns the foreign network and its graph's taps, `None` for Caffe's."""
    if Path(args.model).suffix == ".caffemodel":
        from zfkeras.conversion.caffe.reader import read_caffe

        return read_caffe(args.model, args.prototxt), None
    if args.prototxt is not None:
        raise UsageError(f"--prototxt is for .caffemodel files, not {args.model}.")
    require_onnx()
    from zfkeras.conversion.onnx.reader import read_onnx

    network, taps = read_onnx(args.model)
    if taps.has_preprocessing:
        check_prepared(args)
    return network, taps


def _compared(args, classifier, taps, convention) -> tuple[dict, int]:
    """Compares both sides; returns the differences and the number of images."""
    model, prepared = classifier.model, classifier.preprocessing
    print(
        f"{model.name}: {model.count_params():,} parameters, "
        f"{len(classifier.class_names)} classes, crops of {prepared.crop_size} from "
        f"images of {prepared.image_size} pixels"
    )
    if taps is None:
        print("not compared: there is nothing here that runs Caffe's files")
        return {}, 0
    from tqdm import tqdm

    from zfkeras.conversion import compare as comparison
    from zfkeras.conversion.sample import sample
    from zfkeras.data.register import open_source

    args.split = open_source(args.data).split_name(args.split)
    where = (args.data, args.split, args.num_images)
    batches = sample(*where, prepared, args.batch_size, args.seed)
    few = args.num_images <= args.batch_size
    sizes = []
    with tqdm(total=args.num_images, unit=" images", disable=few) as bar:
        counted = _counting(batches, bar, sizes)
        differences = comparison.compare(classifier, taps, counted, convention)
    print("largest differences from onnxruntime, of the largest value (as a share):")
    print(comparison.report(differences))
    comparison.refuse_wrong(differences)
    return differences, sum(sizes)


def _counting(batches, bar, sizes):
    """Yields the batches; counts them, and moves the bar, once they are used."""
    for batch in batches:
        yield batch
        sizes.append(len(batch))
        bar.update(len(batch))


def require_onnx() -> None:
    """Checks that onnx and onnxruntime are installed."""
    from importlib.util import find_spec

    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} must be installed for ONNX: "
            "pip install -r requirements-onnx.txt."
        )


def _made(args) -> dict:
    import hashlib

    from zfkeras.io.invocation import command_line
    from zfkeras.io.provenance import environment

    with open(args.model, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "converted_from": {
            "file": Path(args.model).name,
            "format": Path(args.model).suffix[1:],
            "sha256": digest,
        },
        "command": command_line(),
        "environment": environment(),
    }


def _write_record(args, classifier, differences, num_images):
    from zfkeras.io.provenance import write_record

    record = {
        "model": args.model,
        "output": str(args.output),
        "compared_on": {
            "data": args.data,
            "split": args.split,
            "seed": args.seed,
            "num_images": num_images,
        },
        "differences": {
            name: {"maximum": one.maximum, "largest": one.largest}
            for name, one in differences.items()
        },
        "parameters": classifier.model.count_params(),
        "made": dict(classifier.made),
    }
    path = args.output.with_suffix(f"{args.output.suffix}.json")
    write_record(path, record)
    print(f"written to {args.output}, its record to {path}")


if __name__ == "__main__":
    sys.exit(main())
