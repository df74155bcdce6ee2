"""The numbers of each layer's tests, as tables and as JSON values."""

import math
from collections.abc import Mapping

from visualize.deconvnet.deconvnet import METHODS
from visualize.figures.sanity.measures import CHANCE, EDGES
from visualize.figures.sanity.verdict import LayerResult, empty_pictures, mean_and_error
from zfkeras.records import Table
from zfkeras.records.numbers import json_number
from zfkeras.records.table import number

_ROWS = {
    **{method: method for method in METHODS},
    EDGES: "edge detector",
    CHANCE: "random order",
}
_COLUMNS = {
    "same_unit": "same unit, other images",
    "other_units": "other units",
    "other_signal": "two random signals",
    "gain": "insertion − deletion",
    "on_object": "on the object",
    "object_area": "object's area",
    "empty": "empty pictures",
}
LIKENESS_TITLES = {
    "rank": "rank",
    "rank_of_sizes": "rank of sizes",
    "ssim": "SSIM",
    "ssim_of_sizes": "SSIM of sizes",
}


def score_table(layer: LayerResult) -> Table:
    """Makes a row for each method, the random twin's numbers in brackets."""
    columns = [one for one in _COLUMNS if any(one in s for s in _scores(layer))]
    if not any(empty_pictures([layer]).values()):
        columns.remove("empty")
    rows = [
        [name, *(_beside_twin(layer, row, column) for column in columns)]
        for row, name in _ROWS.items()
    ]
    return Table(
        f"{layer.heading}: the network (its random twin)",
        ["method", *(_COLUMNS[one] for one in columns)],
        rows,
        note="Cosines: 1 for the same picture, 0 for nothing in common. Insertion "
        "minus deletion: 0 by chance, nearly 1 at best.",
    )


def likeness_table(layer: LayerResult) -> Table:
    """Says how alike pictures are when the own filters or all weights are replaced."""
    rows = []
    for method, found in layer.likeness.items():
        for name, stage in (
            ("own filters replaced", 1),
            ("all replaced", -1),
            ("other units", 0),
        ):
            cells = (mean_and_error(found[one][stage])[0] for one in LIKENESS_TITLES)
            rows.append([f"{method}: {name}", *map(_number, cells)])
    return Table(
        f"{layer.heading}: likeness of the pictures when weights are replaced",
        ["pictures", *LIKENESS_TITLES.values()],
        rows,
        note="1 for the same picture. Those of other units have nothing in common with "
        "it but the place.",
    )


def layer_to_json(layer: LayerResult) -> dict:
    """Returns means and standard errors over the channels."""
    return {
        "layer_name": layer.layer_name,
        "pools_maxima": layer.pools_maxima,
        "channels": layer.own.channels.tolist(),
        "channels_of_twin": layer.twin.channels.tolist(),
        "network": _to_json(layer.own),
        "random_twin": _to_json(layer.twin),
        "likeness_when_replaced": {
            method: {
                name: {
                    "other_units": json_number(mean_and_error(stages[0])[0]),
                    "stages": [json_number(mean_and_error(s)[0]) for s in stages[1:]],
                }
                for name, stages in found.items()
            }
            for method, found in layer.likeness.items()
        },
    }


def _to_json(tested) -> dict[str, Mapping]:
    return {
        row: {
            **{
                test: dict(
                    zip(
                        ("mean", "standard_error"),
                        map(json_number, mean_and_error(values)),
                        strict=True,
                    )
                )
                for test, values in scores.items()
            },
            "deletion": [json_number(one) for one in tested.curves[row][0]],
            "insertion": [json_number(one) for one in tested.curves[row][1]],
        }
        for row, scores in tested.scores.items()
    }


def _scores(layer):
    return layer.own.scores.values()


def _beside_twin(layer, row, column) -> str:
    cells = [
        _number(mean_and_error(tested.scores[row][column])[0])
        for tested in (layer.own, layer.twin)
        if column in tested.scores[row]
    ]
    return "{} ({})".format(*cells) if cells else "–"


def _number(value: float) -> str:
    return number(None if math.isnan(value) else round(value, 2) + 0.0)  # no -0.00
