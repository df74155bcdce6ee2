"""What a user says of an .onnx or .caffemodel file, which often does not say it.

It reads arguments; what they mean for the network is for preset.py to say.
"""

import argparse
import contextlib
import dataclasses
from pathlib import Path

from zfkeras.cli import settings
from zfkeras.errors import UsageError
from zfkeras.records import setting

# What has no place where a graph prepares images itself.
_PREPARING = ("mean", "input_scale", "image_size")


def _numbers(text: str) -> tuple[float, ...]:
    """Reads one number, or three with commas, for argparse."""
    with contextlib.suppress(ValueError):
        values = tuple(float(word) for word in text.split(","))
        if len(values) in (1, 3):
            return values
    raise argparse.ArgumentTypeError(f"must be 1 or 3 numbers. Received: {text}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForeignSettings:
    """How a foreign network is fed and what its answers mean; `None`: it says so."""

    mean: str | None = setting(
        None,
        metavar="MEAN",
        help="what was subtracted from images of 0-255: one number a channel in the "
        "network's order (B,G,R: 104,117,123), or a .binaryproto or .npy mean image; "
        "this flag and the next six describe an .onnx or .caffemodel file (default: "
        "as the file says)",
    )
    channels: str | None = setting(
        None,
        choices=("bgr", "rgb"),
        help="the network's order of channels (default: as the file says, else bgr)",
    )
    input_scale: tuple[float, ...] | None = setting(
        None,
        type=_numbers,
        metavar="N",
        help="factor on the difference from the mean, one number or one a channel "
        "(default: as the file says, else 1)",
    )
    class_names: Path | None = settings.a_file(
        "text file with a class name on each line, as synset_words.txt "
        '(default: as the file says, else "class 0", ...)'
    )
    crop_size: int | None = settings.a_count(
        None, "side of the network's input in pixels (default: as the file says)"
    )
    image_size: int | None = settings.a_count(
        None,
        "pixels the shorter side is scaled to before the crop (default: the mean "
        "image's, else 256 for crops of 224, in proportion)",
    )
    prototxt: Path | None = settings.a_file(
        "the deployed network, where a .caffemodel does not say all"
    )

    def to_preset(self):
        """Returns them as `zfkeras.conversion.preset.Settings`."""
        from zfkeras.conversion import preset

        return preset.Settings(
            mean=_mean(self.mean),
            channels=self.channels,
            scale=self.input_scale,
            crop_size=self.crop_size,
            image_size=self.image_size,
            class_names=self.class_names and preset.read_class_names(self.class_names),
        )


def check_none(settings: ForeignSettings, model: str) -> None:
    """Refuses options for foreign files when the model is one of our own files."""
    names = [field.name for field in dataclasses.fields(ForeignSettings)]
    _refuse(settings, names, f"left out for {model}, which says it itself")


def check_prepared(settings: ForeignSettings, model: str) -> None:
    """Refuses preprocessing options when the graph preprocesses images itself."""
    _refuse(settings, _PREPARING, f"left out for {model}, which prepares images itself")


def _refuse(settings, names, expected) -> None:
    for name in names:
        value = getattr(settings, name)
        if value is not None:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(argument=flag, received=value, expected=expected)


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
        raise UsageError(
            argument="--mean", received=text, expected="three numbers or a file"
        )
    return np.array(values, np.float32)
