"""What the rows of Fig. 7 show, in sentences."""

from collections.abc import Sequence

import numpy as np

from visualize.figures.occlusion.rows import OcclusionRow
from visualize.images.localization import shares_on


def findings(rows: Sequence[OcclusionRow]) -> list[str]:
    """Describes the rows of the figure in sentences."""
    sentences = []
    for row in rows:
        maps, name = row.maps, f"{row.title} {row.note}".strip()
        sentences.append(
            f"{name}: probability {maps.probability:.2f} as it is, "
            f"{maps.probabilities.min():.2f} under the worst square; the map's "
            f"activation {_fall_of_activation(row)}; another label under "
            f"{np.mean(maps.labels != maps.predicted):.0%} of the squares."
        )
    if rows and rows[0].reconstruction is None:
        sentences.append(
            "A layer of this network has no rule of the deconvnet, so column (c) shows "
            "images in place of projections."
        )
    lifts = [row.lift for row in rows if row.lift is not None]
    if lifts:
        sentences.append(
            "Where the map's projection has its energy, hiding the image lowers the "
            f"map's activation {np.mean(lifts):.1f} times as much as on average"
            f"{_spread(lifts)}."
        )
    known = [row for row in rows if row.on_object is not None]
    if known:
        sentences.append(_on_objects(known))
    return sentences


def _fall_of_activation(row) -> str:
    share = row.lowest_activation
    if share is not None:
        return f"falls to {share:.0%}"
    maps = row.maps
    return f"is {maps.activation:.3g}, {maps.activations.min():.3g} at the lowest"


def _spread(values) -> str:
    """Says over how many images a mean is, and how far they differ."""
    if len(values) == 1:
        return ", in this one image"
    return f" ({min(values):.1f} to {max(values):.1f} in {len(values)} images)"


def _on_objects(rows) -> str:
    """Says where the probability falls, over the images whose object is known."""
    known = [row.on_object for row in rows]
    shares = shares_on(
        np.stack([row.fall for row in rows]),
        np.stack([row.image.mask for row in rows]),
    )
    is_own = np.eye(len(rows), dtype=bool)
    falls = ~np.isnan(shares)
    if not falls.any():
        return f"In no image of {len(known)} does the probability fall."
    images = "1 image" if len(known) == 1 else f"{len(known)} images"
    others = ""
    if len(rows) > 1:
        others = f" ({shares[falls & ~is_own].mean():.0%} on the others' objects)"
    hits = np.mean([one["worst_square_on_object"] for one in known])
    area = np.mean([one["area_under_curve"] for one in known])
    return (
        f"In {images} that the network gets right the object covers "
        f"{np.mean([one['chance'] for one in known]):.0%} of the image; "
        f"{shares[falls & is_own].mean():.0%} of the fall of the probability lies on "
        f"it{others}, and the worst square of {hits:.0%}; area under the curve "
        f"{area:.2f} (chance: 0.5)."
    )
