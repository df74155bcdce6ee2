"""What the tests say of a layer's projections, in sentences.

Two bounds decide. Pictures are alike above 0.5, which is nearer to being the same (1)
than to having nothing in common (0). A difference counts if it is larger than two of
its standard errors over the channels.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from visualize.deconvnet.deconvnet import METHODS
from visualize.figures.sanity.measures import EDGES, Outcome

ALIKE = 0.5
ERRORS = 2
SHOWN = METHODS[0]  # the method of the other figures
_TESTS = {
    "same_unit": "likeness over images",
    "other_signal": "likeness over random signals",
    "gain": "insertion and deletion",
    "on_object": "share on the object",
}


@dataclasses.dataclass(frozen=True, eq=False)
class LayerResult:
    """All that was found of a layer."""

    heading: str
    layer_name: str
    pools_maxima: bool  # whether a max pool with its switches lies below
    own: Outcome
    twin: Outcome
    likeness: Mapping[str, Mapping[str, np.ndarray]]  # of `replace_weights`

    def score(self, method: str, test: str) -> float:
        """Returns the mean of a test over the channels."""
        return mean_and_error(self.own.scores[method][test])[0]

    def rank_left(self, method: str) -> float:
        """Rank correlation with pictures of random filters in place of the layer's."""
        return mean_and_error(self.likeness[method]["rank"][1])[0]


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Returns mean and standard error of what is known, NaN where too little is."""
    known = values[~np.isnan(values)]
    mean = float(known.mean()) if len(known) else math.nan
    if len(known) < 2:
        return mean, math.nan
    return mean, float(known.std(ddof=1) / math.sqrt(len(known)))


def is_above(values: np.ndarray) -> bool:
    """Returns whether values of channels are above 0 by more than their error."""
    mean, error = mean_and_error(values)
    return mean > ERRORS * error


def findings(layers: Sequence[LayerResult]) -> list[str]:
    """Says a sentence for each layer, then what holds of methods and of the twin."""
    return [
        *(verdict(one) for one in layers),
        *_of_methods(layers),
        *_of_empty(layers),
        *_of_twin(layers),
    ]


def verdict(layer: LayerResult) -> str:
    """Says in one sentence what a layer's projections show."""
    parts = _shows(layer), _needs_weights(layer), _marks(layer)
    return f"{layer.heading}: these projections {'; '.join(parts)}."


def _shows(layer) -> str:
    scores = layer.own.scores[SHOWN]
    is_alike = layer.score(SHOWN, "same_unit") >= ALIKE
    is_own = is_above(scores["same_unit"] - scores["other_units"])
    if is_alike:
        reason = "" if layer.pools_maxima else ": there is no max pooling below it"
        if is_own:
            return f"show the unit's pattern, not this image{reason}"
        return f"look alike for all units and images{reason}"
    if is_own:
        return "show this image and this unit"
    return (
        "show this image, but are no more alike for one unit than for different units"
    )


def _needs_weights(layer) -> str:
    left, cosine = layer.rank_left(SHOWN), layer.score(SHOWN, "other_signal")
    kept = []
    if left >= ALIKE:
        kept.append(
            "random filters in place of the layer's own leave a rank correlation of "
            f"{left:.2f}"
        )
    if cosine >= ALIKE:
        kept.append(
            f"two random signals give pictures with a cosine of {cosine:.2f}, so that "
            "much of what is seen does not come from the unit's own filters"
        )
    if not kept:
        return "they change when the layer's filters are replaced, as they should"
    return " and ".join(kept)


def _marks(layer) -> str:
    scores = layer.own.scores
    is_better = is_above(scores[SHOWN]["gain"] - scores[EDGES]["gain"])
    how = "better" if is_better else "no better"
    return f"they mark the pixels that the unit needs {how} than an edge detector"


def _of_methods(layers) -> list[str]:
    """Says which methods keep their pictures without the layer's weights."""
    found = []
    for what, value in (
        (
            "Random filters in place of the layer's own leave much of the picture "
            f"(rank correlation of {ALIKE} or more)",
            LayerResult.rank_left,
        ),
        (
            f"Two random signals give like pictures (cosine of {ALIKE} or more)",
            lambda layer, method: layer.score(method, "other_signal"),
        ),
    ):
        where = {
            method: [one.heading for one in layers if value(one, method) >= ALIKE]
            for method in METHODS
        }
        named = "; ".join(
            f"{method} in {_listed(headings, len(layers))}"
            for method, headings in where.items()
        )
        found.append(f"{what}: {named}.")
    return found


def empty_pictures(layers) -> dict[str, list[str]]:
    """Lists for each method the layers with empty pictures, and their share."""
    return {
        method: [
            f"{one.heading} ({share:.0%})"
            for one in layers
            if (share := one.score(method, "empty"))
        ]
        for method in METHODS
    }


def _of_empty(layers) -> list[str]:
    named = [
        f"{method} in {', '.join(headings)}"
        for method, headings in empty_pictures(layers).items()
        if headings
    ]
    if not named:
        return []
    return [
        "Pictures are empty where the unit's derivative is 0, as that of ReLU6 at its "
        f"ceiling: {'; '.join(named)}. They are like no picture and mark no pixel."
    ]


def _of_twin(layers) -> list[str]:
    """Names the tests that do not tell the network from its random twin."""
    found = []
    for layer in layers:
        own, twin = layer.own.scores[SHOWN], layer.twin.scores[SHOWN]
        same = [
            name
            for test, name in _TESTS.items()
            if test in own and not _differ(own[test], twin[test])
        ]
        if same:
            found.append(f"{layer.heading}: {', '.join(same)}")
    if not found:
        return ["Every test tells the network from its random twin in every layer."]
    channels = min(len(layer.own.channels) for layer in layers)
    return [
        "These tests do not tell the network from its random twin (difference within "
        f"{ERRORS} standard errors over {channels} channels): {'; '.join(found)}. What "
        "they find is no sign of learning."
    ]


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    (mean, error), (mean_2, error_2) = mean_and_error(one), mean_and_error(other)
    return abs(mean - mean_2) > ERRORS * math.hypot(error, error_2)


def _listed(headings, total) -> str:
    if len(headings) == total > 1:
        return "all layers"
    return ", ".join(headings) or "none"
