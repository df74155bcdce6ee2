"""What a user says of an .onnx or .caffemodel file, which often does not say it.

It reads arguments; what they mean for the network is for preset.py to say.
"""

import argparse
import contextlib
from pathlib import Path

from zfkeras.cli import arguments
from zfkeras.errors import UsageError

# The names that argparse gives to what `add_description` adds.
_DESCRIBING = (
    *("mean", "channels", "input_scale", "class_names"),
    *("crop_size", "image_size", "prototxt"),
)
# Those of them that have no place where a graph prepares images itself.
_PREPARING = ("mean", "input_scale", "image_size")


def add_description(parser: argparse.ArgumentParser) -> None:
    """Adds --mean, --channels, --input-scale, --class-names and what else describes."""
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
        type=arguments.positive_int,
        metavar="N",
        help="side of the network's input in pixels (default: as the file says)",
    )
    group.add_argument(
        "--image-size",
        type=arguments.positive_int,
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
    with contextlib.suppress(ValueError):
        values = tuple(float(word) for word in text.split(","))
        if len(values) in (1, 3):
            return values
    raise argparse.ArgumentTypeError(f"must be 1 or 3 numbers. Received: {text}")


def check_none(args: argparse.Namespace) -> None:
    """Refuses options for foreign files when --model is one of our own files."""
    for name in _DESCRIBING:
        if getattr(args, name) is not None:
            raise UsageError(
                f"{_flag(name)} is for .onnx and .caffemodel files; {args.model} says "
                "it itself."
            )


def check_prepared(args: argparse.Namespace) -> None:
    """Refuses preprocessing options when the graph preprocesses images itself."""
    for name in _PREPARING:
        if getattr(args, name) is not None:
            raise UsageError(
                f"{_flag(name)} must not be given for {args.model}, which prepares "
                "images itself."
            )


def settings_of(args: argparse.Namespace):
    """Returns the options as `zfkeras.conversion.preset.Settings`."""
    from zfkeras.conversion import preset

    return preset.Settings(
        mean=_mean(args.mean),
        channels=args.channels,
        scale=args.input_scale,
        crop_size=args.crop_size,
        image_size=args.image_size,
        class_names=args.class_names and preset.read_class_names(args.class_names),
    )


def _mean(text):
    """Returns the mean that --mean says: numbers, or a file."""
    import numpy as np

    from zfkeras.conversion.caffe.reader import read_mean

    if text is None:
        return None
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        return read_mean(Path(text))
    if len(values) != 3:
        raise UsageError(f"--mean must be three numbers or a file. Received: {text}.")
    return np.array(values, np.float32)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
