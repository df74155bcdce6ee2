"""Settings that several experiments share."""

import dataclasses
from pathlib import Path
from typing import Any

from transfer.experiments.arguments import layer_list
from zfkeras.cli import settings
from zfkeras.records import setting


def some_layers(of_all: str = "all there are") -> Any:
    """Makes --layer, one or several; `None` stands for all."""
    return setting(
        (7,),
        flag="--layer",
        type=layer_list,
        metavar="LIST",
        help="the paper's layers by number, 1 to 7, or any network's by name, those of "
        "a nested model as base.block1_pool, the second call of a layer that is called "
        "several times as relu@2; several with commas between; or all: "
        f"{of_all}, of a network without the paper's layers the ends of its stages",
    )


def published_data(default_text: str) -> Any:
    """Makes --data, which may be left out if the set is found or downloaded."""
    return settings.some_data(None, f"{default_text}, if it is found")


def may_download() -> Any:
    """Makes --download, for published data sets that are not on this machine."""
    return setting(
        False,
        help="download the data set where it is not found (docs/data.md); in a "
        "terminal the command asks otherwise",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureSettings(settings.ModelSettings):
    """A network, and how its features are computed and kept."""

    batch_size: int = settings.batch_size(128)
    seed: int = settings.a_seed()
    cache: Path | None = settings.a_folder(
        "folder of the features (default: ~/.cache/zfkeras/features)"
    )
    feature_dtype: str = setting(
        "float16", choices=("float16", "float32"), help="how features are kept"
    )
    max_bad_fraction: float = settings.max_bad_fraction()


@dataclasses.dataclass(frozen=True, kw_only=True)
class WholeNetworkSettings:
    """Which networks are trained with all their layers."""

    from_scratch: int | None = settings.a_count(
        None,
        "also train the same network from random weights on each fold's training "
        "images, for so many epochs: the second arm of Tables 4 and 5 (default: left "
        "out)",
    )
    fine_tune: int | None = settings.a_count(
        None,
        "also train all layers on from the network's own weights, for so many epochs, "
        "which the paper does not (default: left out)",
    )
