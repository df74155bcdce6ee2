"""`python -m zfkeras.convert`: networks of ONNX and Caffe to ours, ours to ONNX."""

import argparse
import sys
from pathlib import Path

from zfkeras.cli import arguments, command, settings
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
    settings.add(
        parser,
        data=settings.some_data(None, "shapes, which are built in"),
        split=settings.a_split(),
    )
    parser.add_argument(
        "--num-images",
        type=arguments.positive_int,
        default=32,
        metavar="N",
        help="images of the split on which both sides are compared",
    )
    settings.add(parser, batch_size=settings.batch_size(32), seed=settings.a_seed())
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _convert, argv)


def _convert(args):
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
    if not is_foreign:
        check_none(args)
        if args.half_weights:
            raise UsageError("--half-weights is for a .keras file.")
    from zfkeras.conversion import converting

    comparison = converting.Comparison(
        args.data or "shapes", args.split, args.num_images, args.batch_size, args.seed
    )
    if not is_foreign:
        from zfkeras.models.presets import load

        converting.require_onnx()
        classifier = load(args.model)
        converting.convert_to_onnx(args.model, classifier, args.output, comparison)
        return
    path = Path(args.model)
    foreign = converting.read_foreign(path, args.prototxt)
    _, taps = foreign
    if taps is not None and taps.has_preprocessing:
        check_prepared(args)
    converting.convert_to_keras(
        path,
        foreign,
        settings_of(args),
        args.output,
        comparison,
        half_weights=args.half_weights,
    )


if __name__ == "__main__":
    sys.exit(main())
