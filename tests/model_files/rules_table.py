"""Writes the table of docs/methods/generalised.md.

The command is `python -m tests.model_files.rules_table`.
Each network of keras.applications, with random weights, is projected once from its last
maps by both sets of rules. With names of networks it prints their rows only.
"""

import gc
import re
import sys
from pathlib import Path

import keras
import numpy as np

from tests.helpers import deconvnet_reference
from tests.helpers.projections import random_images, shake
from visualize import Deconvnet
from visualize.deconvnet.rule_sets import RULE_SETS
from zfkeras import UsageError
from zfkeras.graph.layer_graph import LayerGraph

PAGE = Path(__file__).parents[2] / "docs" / "methods" / "generalised.md"
_MARKS = ("<!-- table -->", "<!-- end of the table -->")
_HEAD = "| network | layers | paper rules | generalised rules | engines differ by |"
_SIDE = 75  # pixels: the least that all networks take
# Deep networks with random weights make a small difference in rounding large, so that
# all but the largest are compared in double precision.
_SINGLE = {"ConvNeXtLarge", "ConvNeXtXLarge"}


def networks() -> list[str]:
    """Lists the networks of keras.applications."""
    return [name for name in dir(keras.applications) if name[0].isupper()]


def build(name: str) -> keras.Model:
    """Makes a network without its top; no weight or statistic has a round value."""
    keras.config.set_floatx("float32" if name in _SINGLE else "float64")
    keras.utils.set_random_seed(0)
    make = getattr(keras.applications, name)
    model = make(weights=None, include_top=False, input_shape=(_SIDE, _SIDE, 3))
    shake(model)
    for variable in model.weights:
        if variable.name == "gamma":  # else EfficientNetV2L exceeds single precision
            variable.assign(0.8 * variable)
    return model


def projected(model, images, layer, rules) -> tuple[str, float | None]:
    """Projects the strongest unit of a layer; returns the outcome and the difference.

    The difference is that to the second engine, over the largest value; `None` where
    the rules refuse a layer.
    """
    try:
        found = Deconvnet(model, rules=rules).project_units(images, layer)
    except UsageError as err:
        return f"refuses {err.received}", None
    place = (0, *found.positions[0], found.channels[0])

    def seed(maps):
        alone = np.zeros_like(maps)
        alone[place] = maps[place]
        return alone

    wanted = deconvnet_reference.project(
        model, images, seed, lambda twin: twin.outputs[0]
    )
    largest = np.abs(wanted).max()
    if not largest or not np.isfinite(largest):
        return f"the largest value is {largest}", float("nan")
    return "works", float(np.abs(found.reconstructions - wanted).max() / largest)


def row(name: str) -> str:
    """Makes the row of a network."""
    model = build(name)
    layers = LayerGraph(model)
    layer = layers.calls[-1].path
    images = random_images((1, _SIDE, _SIDE, 3), scale=2)
    outcomes = [projected(model, images, layer, rules) for rules in RULE_SETS]
    said = " | ".join(outcome for outcome, _ in outcomes)
    differences = [value for _, value in outcomes if value is not None]
    number = sum(call.runs for call in layers.calls)
    return f"| {name} | {number} | {said} | {max(differences):.0e} |"


def main(names: list[str]) -> int:
    """Makes the rows; puts them into the page unless networks are named."""
    rows = [_HEAD, "|---" * 5 + "|"]
    for name in names or networks():
        rows.append(row(name))
        print(rows[-1], file=sys.stderr, flush=True)
        keras.backend.clear_session()
        gc.collect()
    if not names:
        table = "\n".join([_MARKS[0], "", *rows, "", _MARKS[1]])
        page = PAGE.read_text(encoding="utf-8")
        pattern = f"{_MARKS[0]}.*{_MARKS[1]}"
        PAGE.write_text(re.sub(pattern, lambda _: table, page, flags=re.S), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
