"""`python -m zfkeras.convert`: networks of ONNX and Caffe to ours, ours to ONNX."""

import argparse
import sys
from pathlib import Path

from zfkeras import commandline

# What kind of file the result is, by --to or by how its name ends.
FORMATS = {"keras": ".keras", "onnx": ".onnx"}


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = commandline.make_parser(
        "zfkeras.convert",
        "Convert a ZFNet-like network from ONNX or Caffe into a self-sufficient .keras "
        "file, or one of ours into ONNX, and measure how far both sides are apart "
        "(docs/weights.md).",
    )
    parser.add_argument("output", type=Path, metavar="OUT", help="the file to write")
    parser.add_argument(
        "--model",
        default=commandline.DEFAULT_MODEL,
        metavar="MODEL",
        help=".onnx or .caffemodel file; or preset (quarter: the network in the box) "
        "or .keras file",
    )
    parser.add_argument(
        "--to",
        choices=FORMATS,
        help="format of OUT (default: as its name ends)",
    )
    _add_description(parser)
    parser.add_argument(
        "--half-weights",
        action="store_true",
        help="store a .keras file's weights as float16, half the size",
    )
    commandline.add_data(parser, default_text="shapes, which are built in")
    commandline.add_split(parser)
    parser.add_argument(
        "--num-images",
        type=commandline.positive_int,
        default=32,
        metavar="N",
        help="images of the split on which both sides are compared",
    )
    return parser


def _add_description(parser):
    """What an .onnx or .caffemodel file often does not say."""
    group = parser.add_argument_group("of an .onnx or .caffemodel file")
    group.add_argument(
        "--mean",
        metavar="MEAN",
        help="what was subtracted from images of 0-255: one number a channel in the "
        "network's order (B,G,R: 104,117,123), or a .binaryproto or .npy mean image "
        "(default: as the file says)",
    )
    group.add_argument(
        "--channels",
        choices=("bgr", "rgb"),
        help="the network's order of channels (default: as the file says, else bgr)",
    )
    group.add_argument(
        "--input-scale",
        type=_numbers,
        metavar="N",
        help="factor on the difference from the mean, one number or one a channel "
        "(default: as the file says, else 1)",
    )
    group.add_argument(
        "--class-names",
        type=Path,
        metavar="FILE",
        help="text file with a class name on each line, as synset_words.txt "
        '(default: as the file says, else "class 0", ...)',
    )
    group.add_argument(
        "--crop-size",
        type=commandline.positive_int,
        metavar="N",
        help="side of the network's input in pixels (default: as the file says)",
    )
    group.add_argument(
        "--image-size",
        type=commandline.positive_int,
        metavar="N",
        help="pixels the shorter side is scaled to before the crop (default: the mean "
        "image's, else 256 for crops of 224, in proportion)",
    )
    group.add_argument(
        "--prototxt",
        type=Path,
        metavar="FILE",
        help="the deployed network, where a .caffemodel does not say all",
    )


def _numbers(text: str) -> tuple[float, ...]:
    """Reads one number, or three with commas, for argparse."""
    values = tuple(float(word) for word in text.split(","))
    if len(values) not in (1, 3):
        raise argparse.ArgumentTypeError(f"must be 1 or 3 numbers. Received: {text}")
    return values


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return commandline.run(build_parser(), _convert, argv)


def _convert(args):
    from zfkeras.errors import UsageError

    target = args.to or _format_of(args.output)
    source = Path(args.model).suffix
    if source not in (".onnx", ".caffemodel"):
        if target != "onnx":
            raise UsageError(
                "OUT must be an .onnx file for a --model that is one of ours. "
                f"Received: {args.output}."
            )
        _check_unused(args)
        _to_onnx(args)
    elif target != "keras" or args.output.suffix != ".keras":
        raise UsageError(
            f"OUT must be a .keras file for a --model that is a {source} file. "
            f"Received: {args.output}."
        )
    else:
        _to_keras(args, source)


def _format_of(path: Path) -> str:
    from zfkeras.errors import UsageError

    for name, suffix in FORMATS.items():
        if path.suffix == suffix:
            return name
    raise UsageError(f"OUT must end in .keras or .onnx. Received: {path}.")


def _check_unused(args):
    """Refuses what says something of a foreign file where there is none."""
    from zfkeras.errors import UsageError

    names = ("mean", "channels", "input_scale", "class_names")
    names = (*names, "crop_size", "image_size", "prototxt")
    given = [name for name in names if getattr(args, name) is not None]
    if given:
        raise UsageError(
            f"--{given[0].replace('_', '-')} is for .onnx and .caffemodel files; "
            f"{args.model} says it itself."
        )


def _to_onnx(args):
    _require_onnx()
    import numpy as np

    from zfkeras.conversion.comparison import Convention, compare
    from zfkeras.conversion.onnx_writer import write_graph
    from zfkeras.files import written_whole
    from zfkeras.models.presets import load

    classifier = load(args.model)
    squares = _squares(args, classifier.preprocessing)
    taps = write_graph(classifier)
    scale = np.full(3, classifier.preprocessing.input_scale, np.float32)
    convention = Convention(np.zeros(3), scale, is_bgr=False)
    differences = compare(classifier, taps, squares, convention)
    _report(args, classifier, differences)
    with written_whole(args.output) as file:
        file.write(taps.model.SerializeToString())
    _write_record(args, classifier, differences)


def _to_keras(args, source):
    from zfkeras.conversion import preset
    from zfkeras.conversion.caffe_reader import read_caffe
    from zfkeras.errors import UsageError

    taps = None
    if source == ".onnx":
        if args.prototxt is not None:
            raise UsageError("--prototxt is for a .caffemodel file.")
        _require_onnx()
        from zfkeras.conversion.onnx_reader import read_onnx

        network, taps = read_onnx(args.model)
    else:
        network = read_caffe(args.model, args.prototxt)
    settings = preset.Settings(
        mean=_mean(args.mean),
        channels=args.channels,
        scale=args.input_scale,
        crop_size=args.crop_size,
        image_size=args.image_size,
        class_names=args.class_names and preset.read_class_names(args.class_names),
    )
    classifier = preset.make_classifier(network, settings, _made(args, source))
    differences = _compare_with_source(args, classifier, network, settings, taps)
    _report(args, classifier, differences)
    classifier.save(args.output, half_weights=args.half_weights)
    _write_record(args, classifier, differences)


def _compare_with_source(args, classifier, network, settings, taps) -> dict:
    """The differences from what runs the source; for Caffe there is nothing."""
    from zfkeras.conversion import preset

    if taps is None:
        return {}
    from zfkeras.conversion.comparison import compare

    convention = preset.convention_of(network, settings)
    if taps.has_preprocessing and (args.mean or args.input_scale):
        raise _contradiction(args)
    squares = _squares(args, classifier.preprocessing)
    folder = Path(args.model).parent
    return compare(classifier, taps, squares, convention, folder)


def _contradiction(args):
    from zfkeras.errors import UsageError

    name = "--mean" if args.mean else "--input-scale"
    return UsageError(f"{name} is not for {args.model}, which has it in its graph.")


def _mean(text):
    """The mean that --mean says: numbers, or a file."""
    import numpy as np

    from zfkeras.conversion.caffe_reader import read_mean
    from zfkeras.errors import UsageError

    if text is None:
        return None
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        return read_mean(Path(text))
    if len(values) != 3:
        raise UsageError(f"--mean must be three numbers or a file. Received: {text}.")
    return np.array(values, np.float32)


def _require_onnx():
    """Says what is missing before any work."""
    from importlib.util import find_spec

    from zfkeras.errors import UsageError

    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} must be installed for ONNX: "
            "pip install -r requirements-onnx.txt."
        )


def _squares(args, preprocessing):
    """The first images of the split, spread over it, as uint8 (n, size, size, 3)."""
    import numpy as np

    from zfkeras.data.bad_images import BadImage
    from zfkeras.data.sources import open_source
    from zfkeras.errors import RunError

    split = open_source(args.data or "shapes").split(args.split)
    squares = []
    for example in split.stream(shuffle_seed=(0,)).as_numpy_iterator():
        try:
            squares.append(preprocessing.square(split.read(example["key"])))
        except (BadImage, OSError):
            continue
        if len(squares) == args.num_images:
            break
    if not squares:
        raise RunError(f"none of the images of {args.data} could be read")
    return np.stack(squares)


def _made(args, source) -> dict:
    import hashlib

    from zfkeras.provenance import command_line, environment

    with open(args.model, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "converted_from": {
            "file": Path(args.model).name,
            "format": source[1:],
            "sha256": digest,
        },
        "command": command_line(),
        "environment": environment(),
    }


_MEANINGS = {
    "logits": "modelling difference, logits",
    "probabilities": "modelling difference, probabilities",
    "crops": "preprocessing difference, crops",
    "predictions": "both together, probabilities",
}


def _report(args, classifier, differences):
    """Prints what came out; refuses to write what differs by more than rounding."""
    from zfkeras.errors import RunError

    model = classifier.model
    print(
        f"{model.name}: {model.count_params():,} parameters, "
        f"{len(classifier.class_names)} classes, crops of "
        f"{classifier.preprocessing.crop_size} from images of "
        f"{classifier.preprocessing.image_size} pixels"
    )
    if not differences:
        print("not compared: nothing that is installed here runs a .caffemodel")
        return
    from zfkeras.conversion.comparison import MAX_RELATIVE

    print(f"largest differences from onnxruntime on {args.num_images} images:")
    for name, difference in differences.items():
        print(f"  {_MEANINGS[name]}: {difference}")
    wrong = [n for n, one in differences.items() if not one.relative <= MAX_RELATIVE]
    if wrong:
        raise RunError(
            f"the conversion differs from its source by more than {MAX_RELATIVE:g} "
            f"({_MEANINGS[wrong[0]]}); nothing was written"
        )


def _write_record(args, classifier, differences):
    from zfkeras.provenance import write_record

    record = {
        "model": args.model,
        "output": str(args.output),
        "data": args.data or "shapes",
        "split": args.split,
        "num_images": args.num_images if differences else 0,
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
