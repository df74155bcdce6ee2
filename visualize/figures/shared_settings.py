"""Settings that several figures share."""

import dataclasses
from pathlib import Path

from visualize.deconvnet.rule_sets import PAPER, RULE_SETS
from zfkeras.cli import settings
from zfkeras.records import setting

COUNT_HELP = (
    "images to draw from --data or a folder: those the network gets right first, each "
    "of another class"
)
LAYERS_HELP = (
    "the paper's numbers (1 to 7) or names of layers, parted by commas; relu@2 is the "
    "second call of a layer relu that the network calls several times (default: 1 to "
    "5, or the last maps of each stage, up to five, of networks that ZFNet does not "
    "make)"
)
TOP_HELP = "strongest activations of each channel, one an image"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RuleSettings:
    """Which layers the deconvnet goes through."""

    rules: str = setting(
        PAPER,
        choices=RULE_SETS,
        help="rules of the deconvnet: paper refuses layers that Zeiler & Fergus do not "
        "cover; generalised has rules for GELU, swish, layer normalisation, "
        "squeeze-and-excitation and others, too (default: %(default)s)",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSettings(settings.ModelSettings):
    """A network, and images of files or of a data set."""

    images: tuple[Path, ...] = setting(
        (),
        nargs="+",
        type=Path,
        metavar="FILE",
        help="image files, or folders to draw from; without it, images of --data. A "
        "name that begins with an ImageNet id or a class (n02112018_Pomeranian.jpg), "
        "or lies in a folder called so, tells the true class",
    )
    classes: tuple[str, ...] = setting(
        (),
        nargs="+",
        metavar="NAME",
        help="true class of each of --images, where its name does not tell; where "
        "nothing does, the most likely class stands in",
    )
    data: str = settings.some_data("photographs:whole")
    split: str | None = settings.a_split()
    batch_size: int = settings.batch_size(64)
    seed: int = settings.a_seed()
