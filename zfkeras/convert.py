"""`python -m zfkeras.convert`: networks of ONNX and Caffe to ours, ours to ONNX."""

import dataclasses
import sys
from pathlib import Path

from zfkeras.cli import settings
from zfkeras.cli.arguments import DEFAULT_MODEL
from zfkeras.cli.command import Command
from zfkeras.conversion.arguments import ForeignSettings, check_none, check_prepared
from zfkeras.errors import UsageError
from zfkeras.records import setting

_FOREIGN = (".onnx", ".caffemodel")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvertSettings(ForeignSettings):
    """A network, the file it becomes, and the images both sides are compared on."""

    path: Path = setting(
        flag="path",
        type=Path,
        metavar="OUT",
        help="the file to write: .keras from a foreign network, .onnx from one of ours",
    )
    model: str = setting(
        DEFAULT_MODEL,
        metavar="MODEL",
        help=".onnx or .caffemodel file; or preset (quarter: the network in the box) "
        "or .keras file",
    )
    half_weights: bool = setting(
        False,
        help="store a .keras file's weights as float16, half the size",
    )
    data: str = settings.some_data("shapes")
    split: str | None = settings.a_split()
    num_images: int = settings.a_count(
        32, "images of the split on which both sides are compared"
    )
    batch_size: int = settings.batch_size(32)
    seed: int = settings.a_seed()


def convert(settings: ConvertSettings) -> None:
    """Converts a network in the direction that its file asks for."""
    is_foreign = _is_foreign(settings)
    if not is_foreign:
        check_none(settings, settings.model)
        if settings.half_weights:
            raise UsageError(
                argument="--half-weights",
                received=settings.path,
                expected="left out unless OUT is a .keras file",
            )
    from zfkeras.conversion import converting
    from zfkeras.passes.context import Context

    comparison = converting.Comparison(
        settings.data,
        settings.split,
        settings.num_images,
        settings.batch_size,
        settings.seed,
    )
    if not is_foreign:
        converting.require_onnx()
        classifier = Context().classifier(settings.model)
        converting.convert_to_onnx(
            settings.model, classifier, settings.path, comparison
        )
        return
    path = Path(settings.model)
    foreign = converting.read_foreign(path, settings.prototxt)
    _, taps = foreign
    if taps is not None and taps.has_preprocessing:
        check_prepared(settings, settings.model)
    converting.convert_to_keras(
        path,
        foreign,
        settings.to_preset(),
        settings.path,
        comparison,
        half_weights=settings.half_weights,
    )


def _is_foreign(settings) -> bool:
    """Checks that model and output are of two kinds; returns which the model is of."""
    suffix = Path(settings.model).suffix
    if suffix not in ("", ".keras", *_FOREIGN):
        raise UsageError(
            argument="--model",
            received=settings.model,
            expected="a preset or a .keras, .onnx or .caffemodel file",
        )
    is_foreign = suffix in _FOREIGN
    if settings.path.suffix != (".keras" if is_foreign else ".onnx"):
        wanted = "a .keras" if is_foreign else "an .onnx"
        raise UsageError(
            argument="OUT",
            received=settings.path,
            expected=f"{wanted} file for --model {settings.model}",
        )
    return is_foreign


CONVERT = Command(
    module="zfkeras.convert",
    description="Convert a ZFNet-like network from ONNX or Caffe, or one of ours into "
    "ONNX. From ONNX or Caffe it becomes a self-sufficient .keras file. How far both "
    "sides are apart is measured (docs/weights.md).",
    settings=ConvertSettings,
    work=convert,
)
build_parser, main = CONVERT.build_parser, CONVERT.main

if __name__ == "__main__":
    sys.exit(main())
