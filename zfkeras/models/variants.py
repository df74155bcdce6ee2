"""Every network of Tables 2 and 3 at paper and quarter scale, and `half`, as data.

It builds nothing; zfnet.py turns a `Variant` into a Keras model.
"""

import dataclasses
from collections.abc import Mapping

from zfkeras.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Stage:
    """One convolutional layer of the paper: convolution, ReLU, and what follows."""

    filters: int
    kernel: int
    stride: int = 1
    padding: str | tuple[int, int] = "same"
    pool: str | None = None
    norm: str | None = None


@dataclasses.dataclass(frozen=True)
class PaperRow:
    """A row of Table 3 (and 2), errors as fractions; `None` where not stated."""

    train_top1_error: float | None
    top1_error: float
    top5_error: float


@dataclasses.dataclass(frozen=True)
class Variant:
    """A network as data."""

    name: str
    image_size: int
    crop_size: int
    stages: Mapping[int, Stage]
    fully_connected: Mapping[int, int]
    base: str
    change: str | None = None
    paper: PaperRow | None = None


# Pads follow from cuda-convnet's sizes: see docs/deviations.md.
_ZFNET = Variant(
    name="zfnet",
    image_size=256,
    crop_size=224,
    stages={
        1: Stage(96, 7, 2, padding=(0, 1), pool="same", norm="after_pool"),
        2: Stage(256, 5, 2, padding=(0, 0), pool="same", norm="after_pool"),
        3: Stage(384, 3),
        4: Stage(384, 3),
        5: Stage(256, 3, pool="valid"),
    },
    fully_connected={6: 4096, 7: 4096},
    base="zfnet",
)
_ALEXNET = dataclasses.replace(
    _ZFNET,
    name="alexnet",
    base="alexnet",
    stages={
        1: Stage(96, 11, 4, padding=(0, 3), pool="valid", norm="before_pool"),
        2: Stage(256, 5, pool="valid", norm="before_pool"),
        3: Stage(384, 3),
        4: Stage(384, 3),
        5: Stage(256, 3, pool="valid"),
    },
)
_ZFNET_QUARTER = Variant(
    name="zfnet_quarter",
    image_size=64,
    crop_size=56,
    stages={
        1: Stage(64, 7, 2, pool="same", norm="after_pool"),
        2: Stage(128, 5, pool="same", norm="after_pool"),
        3: Stage(192, 3),
        4: Stage(192, 3),
        5: Stage(128, 3, pool="valid"),
    },
    fully_connected={6: 1024, 7: 1024},
    base="zfnet_quarter",
)
# Half of the paper's image side, and half of its channels in every convolution.
_ZFNET_HALF = Variant(
    name="zfnet_half",
    image_size=128,
    crop_size=112,
    stages={
        1: Stage(48, 7, 2, pool="same", norm="after_pool"),
        2: Stage(128, 5, pool="same", norm="after_pool"),
        3: Stage(192, 3),
        4: Stage(192, 3),
        5: Stage(128, 3, pool="valid"),
    },
    fully_connected={6: 1024, 7: 1024},
    base="zfnet_half",
)
_ALEXNET_QUARTER = dataclasses.replace(
    _ZFNET_QUARTER,
    name="alexnet_quarter",
    base="alexnet_quarter",
    stages={
        1: Stage(64, 11, 4, pool="same", norm="before_pool"),
        2: Stage(128, 5, pool="same", norm="before_pool"),
        3: Stage(192, 3),
        4: Stage(192, 3),
        # "same" leaves 2x2 where "valid" would leave a single position.
        5: Stage(128, 3, pool="same"),
    },
)

# Rows of Table 3, error in percent: train top-1, validation top-1, validation top-5.
_PAPER_PERCENT = {
    "zfnet": (33.1, 38.4, 16.5),
    "zfnet_fc2048": (38.2, 40.2, 17.6),
    "zfnet_fc8192": (22.0, 38.8, 17.0),
    "zfnet_b": (18.8, 37.5, 16.0),
    "zfnet_b_fc8192": (10.0, 38.3, 16.9),
    "alexnet": (35.1, 40.5, 18.1),
    "alexnet_without_3_4": (41.8, 45.4, 22.1),
    "alexnet_without_7": (27.4, 40.0, 18.4),
    "alexnet_without_6_7": (27.4, 44.8, 22.4),
    "alexnet_without_3_4_6_7": (71.1, 71.3, 50.1),
    "alexnet_fc2048": (40.3, 41.7, 18.8),
    "alexnet_fc8192": (26.8, 40.0, 18.1),
}


def _without(base: Variant, *numbers: int) -> Variant:
    """Removes layers; the next one reads what the one before gives."""
    change = "_".join(["without", *map(str, numbers)])
    return dataclasses.replace(
        base,
        name=f"{base.name}_{change}",
        change=change,
        stages={n: s for n, s in base.stages.items() if n not in numbers},
        fully_connected={
            n: units for n, units in base.fully_connected.items() if n not in numbers
        },
    )


def _with_units(base: Variant, units: int) -> Variant:
    """Sets the width of layers 6 and 7."""
    change = "fc_half" if units < base.fully_connected[6] else "fc_double"
    return dataclasses.replace(
        base,
        name=f"{base.name}_fc{units}",
        change=change if base.change is None else f"{base.change}_{change}",
        fully_connected=dict.fromkeys(base.fully_connected, units),
    )


def _with_wide_middle(base: Variant) -> Variant:
    """Widens layers 3, 4, 5 as the paper does: 384-384-256 to 512-1024-512."""
    numerators = {3: (4, 3), 4: (8, 3), 5: (2, 1)}
    stages = {
        number: dataclasses.replace(
            stage,
            filters=stage.filters * numerators[number][0] // numerators[number][1],
        )
        if number in numerators
        else stage
        for number, stage in base.stages.items()
    }
    return dataclasses.replace(base, name=f"{base.name}_b", change="b", stages=stages)


def _rows(base: Variant) -> list[Variant]:
    """Returns the network and every change of Table 3 to it."""
    units = base.fully_connected[6]
    wide = _with_wide_middle(base)
    return [
        base,
        _without(base, 3, 4),
        _without(base, 7),
        _without(base, 6, 7),
        _without(base, 3, 4, 6, 7),
        _with_units(base, units // 2),
        _with_units(base, units * 2),
        wide,
        _with_units(wide, units * 2),
    ]


def _with_paper_row(variant: Variant) -> Variant:
    percent = _PAPER_PERCENT.get(variant.name)
    if percent is None:
        return variant
    row = PaperRow(*(round(value / 100, 3) for value in percent))
    return dataclasses.replace(variant, paper=row)


VARIANTS: dict[str, Variant] = {
    variant.name: _with_paper_row(variant)
    for base in (_ZFNET, _ALEXNET, _ZFNET_QUARTER, _ALEXNET_QUARTER)
    for variant in _rows(base)
} | {"zfnet_half": _ZFNET_HALF}


def rows_of(base: str) -> list[Variant]:
    """Returns the full network and every change of Table 3 to it, in this order."""
    return [
        variant
        for variant in VARIANTS.values()
        if variant.base == base and (variant.change or variant.name == base)
    ]


def register_variant(variant: Variant) -> Variant:
    """Adds a network, so that `zfkeras.ZFNet(variant=NAME)` builds it.

    Args:
        variant: the network as data; one of the same name is replaced.

    Returns:
        The same variant.

    Raises:
        UsageError: `variant` is no `Variant`.

    Example:
        >>> mine = dataclasses.replace(find_variant("zfnet_quarter"), name="mine")
        >>> register_variant(mine)  # doctest: +SKIP
    """
    if not isinstance(variant, Variant):
        raise UsageError(
            argument="variant", received=type(variant).__name__, expected="a Variant"
        )
    VARIANTS[variant.name] = variant
    return variant


def find_variant(name: str) -> Variant:
    """Returns the variant of that name."""
    if name not in VARIANTS:
        raise UsageError(
            f"`variant` must be one of {', '.join(VARIANTS)}. Received: {name!r}."
        )
    return VARIANTS[name]
