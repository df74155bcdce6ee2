"""Makes sentences and tables for the report out of the figures' records."""

import dataclasses
from collections.abc import Callable, Mapping

from visualize.report.page import Table

_CLEARLY_NEARER = 0.05  # between cosines
_RARE = 0.05  # share of random trials


@dataclasses.dataclass(frozen=True)
class Finding:
    """What the paper says of a figure, and what is to be seen here."""

    paper: str
    ours: tuple[str, ...]
    tables: tuple[Table, ...] = ()


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction in percent; a dash for `None`."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def number(value: float | None, digits: int = 2) -> str:
    """A number; a dash for `None`."""
    return "–" if value is None else f"{value:,.{digits}f}"


def claim(record: Mapping) -> str:
    """What the paper says of the figure, if the record has it."""
    paper = record.get("paper")
    return str(paper.get("claim", "")) if isinstance(paper, Mapping) else ""


def said_of_bad_images(record: Mapping) -> tuple[str, ...]:
    """A sentence on the images that could not be read, if there were any."""
    tally = record.get("bad_images") or {"count": 0}
    count = tally["count"]
    if not count:
        return ()
    noun = "image" if count == 1 else "images"
    return (f"{count:,} {noun} could not be read and took no part.",)


def plain(record: Mapping) -> Finding:
    """Takes the paper's claim and the summary of any record."""
    summary = record.get("summary", record.get("finding", ()))
    ours = (summary,) if isinstance(summary, str) else tuple(map(str, summary))
    return Finding(claim(record), ours)


def evolution(record: Mapping) -> Finding:
    """Fig. 4: when each layer settles."""
    epochs = record["epochs"]
    layers = {
        layer.get("heading", name): layer for name, layer in record["layers"].items()
    }
    split = "training" if record["split"] == "train" else record["split"]
    settled = {name: layer["settled_epoch"] for name, layer in layers.items()}
    named = ", ".join(
        f"{name} from epoch {epoch}" if epoch is not None else f"{name} never"
        for name, epoch in settled.items()
    )
    jumps = [
        layer["share_of_channels_with_another_image"][-1] for layer in layers.values()
    ]
    verdict = _order_of_settling(epochs, layers)
    rows = [
        [
            name,
            *(number(value) for value in layer["cosine_to_last"]),
            "–" if settled[name] is None else str(settled[name]),
            percent(jumps[place], 0),
        ]
        for place, (name, layer) in enumerate(layers.items())
    ]
    return Finding(
        claim(record),
        (
            f"{record['images']:,} {split} images at {len(epochs)} "
            f"snapshots of {record.get('run', 'the training')}. A layer has settled "
            f"once its projections keep a cosine of 0.5 or more to those of the last "
            f"snapshot: {named}. {verdict}",
            f"Jumps: between the last two snapshots another image became the strongest "
            f"in {percent(jumps[0], 0)} of the channels of the lowest layer and "
            f"{percent(jumps[-1], 0)} of the highest.",
        ),
        (
            Table(
                "Cosine of the projections to those of the last snapshot, by epoch",
                ["layer", *map(str, epochs), "settled", "other image at the end"],
                rows,
            ),
        ),
    )


def _order_of_settling(epochs: list[int], layers: Mapping) -> str:
    """Says whether the lower layers settle first, as in the paper."""
    cosines = [layer["cosine_to_last"] for layer in layers.values()]
    first, last = cosines[0], cosines[-1]
    settled = [layer["settled_epoch"] for layer in layers.values()]
    order = [float("inf") if epoch is None else epoch for epoch in settled]
    if order != sorted(order):
        return "The layers do not settle in the paper's order."
    if order[0] != order[-1]:
        return "The lower layers settle first, as in the paper."
    if order[0] in epochs[:-1]:
        at = epochs.index(order[0])
        low, high = first[at], last[at]
        if None not in (low, high) and low - high > _CLEARLY_NEARER:
            return (
                "They settle at the same snapshot, but there the lowest layer is "
                f"nearer to its end ({low:.2f}) than the highest ({high:.2f}), which "
                "is the paper's order."
            )
    return "The layers settle together: the paper's order does not show."


def filters(record: Mapping) -> Finding:
    """Fig. 6: first-layer filters."""
    networks = record["networks"]
    rows, sentences = [], []
    for network in networks:
        shares = network["frequency"]["mean_share_of_power"].values()
        dominance = network["rms"]["dominance"]
        dead, count = network["dead"]["count"], network["filters"]
        size = "x".join(map(str, network["kernel_size"]))
        silent = network.get("never_active", {}).get("count")
        rows.append(
            [
                network["label"],
                f"{size}/{network['stride'][0]}",
                f"{dead} of {count}",
                "–" if silent is None else str(silent),
                number(dominance),
                number(network.get("neighbour_correlation")),
                *(percent(share, 0) for share in shares),
            ]
        )
        sentences.append(
            f"{network['label']}: {dead} of {count} filters dead; the largest is "
            f"{number(dominance, 1)} times the median in root mean square. "
            f"{_smoothness(network)}{_aliasing(network)}"
        )
    if len(networks) == 1:
        sentences.append(
            "One network shows no effect of renormalisation, size or stride; "
            "--compare puts another one beside it."
        )
    return Finding(
        claim(record),
        tuple(sentences),
        (
            Table(
                "First-layer filters; correlation of neighbouring weights (noise: 0); "
                "share of the power by frequency",
                [
                    "network",
                    "size/stride",
                    "dead",
                    "never active",
                    "largest/median",
                    "correlation",
                    "low",
                    "middle",
                    "high",
                ],
                rows,
            ),
        ),
    )


def _smoothness(network: Mapping) -> str:
    """Says how alike neighbouring weights are."""
    value = network.get("neighbour_correlation")
    if value is None:
        return ""
    return f"Neighbouring weights correlate by {number(value)} (random weights: 0). "


def _aliasing(network: Mapping) -> str:
    """Says how much of layer 2's projections is finer than the first layer's grid."""
    if "layer_2" not in network:
        return ""
    if max(network["stride"]) == 1:
        return "They step by one pixel: their grid is as fine as the image's."
    step = 2 * max(network["stride"])
    shares = network["layer_2"]["share_of_power"][f"above_1/{step}_cycles_per_pixel"]
    return (
        f"Of the power of layer 2's projections {percent(shares['reconstructions'])} "
        f"is finer than the first layer's grid can carry (1/{step} cycles per pixel); "
        f"of the images', {percent(shares['images'])}."
    )


def invariance(record: Mapping) -> Finding:
    """Fig. 5: what moves features and answers."""
    curves = record["transformations"]
    layers = [*next(iter(curves.values()))["layers"]]
    rows = []
    for name, curve in curves.items():
        found = [curve["layers"][layer] for layer in layers]
        # The record says how far from the image as it is: for scales, from 1, which
        # older records do not name.
        start = curve.get("identity", 0)
        halves = [
            None if away is None else start + away
            for away in (one["half_of_largest_mean_distance_at"] for one in found)
        ]
        lines = [one["r_squared_of_a_line"] for one in found]
        rows.append(
            [
                f"{name}, {curve['unit']}",
                *("–" if value is None else f"{value:.3g}" for value in halves),
                *(number(value) for value in lines),
                percent(curve["share_with_the_same_label"], 0),
            ]
        )
    headings = [
        "transformation",
        *(f"{layer}: half way at" for layer in layers),
        *(f"{layer}: R² of a line" for layer in layers),
        "label stays",
    ]
    told = plain(record)
    table = Table("Distance of the features, and the label", headings, rows)
    return Finding(told.paper, told.ours, (table,))


def correspondence(record: Mapping) -> Finding:
    """Table 1: how alike features change under masks on the same part."""
    layers = record["layers"]
    has_paper = any(cell["paper"] for rows in layers.values() for cell in rows.values())
    headings, rows = ["hidden"], []
    for layer in layers:
        headings += [layer, "paper"] if has_paper else [layer]
    for part in next(iter(layers.values())):
        row = [part]
        for cells in layers.values():
            row.append(_spread(cells[part]))
            if has_paper:
                row.append(_spread(cells[part]["paper"]))
        rows.append(row)
    told = plain(record)
    ours = (*told.ours, *_against_chance(layers), *_said_of_stars(record))
    caption = f"Table 1: mean sign change over {len(record['images'])} images"
    table = Table(caption, headings, rows, note="Lower is more alike.")
    return Finding(told.paper, ours, (table,))


def _against_chance(layers: Mapping) -> tuple[str, ...]:
    """A sentence where what was found may be chance."""
    shares = [
        cell["share_of_random_trials_as_low"]
        for rows in layers.values()
        for cell in rows.values()
        if "share_of_random_trials_as_low" in cell
    ]
    if not shares or min(shares) < _RARE:
        return ()
    return (
        f"No part is lower than all but {_RARE:.0%} of the random trials: what "
        "differs here may be chance.",
    )


def _said_of_stars(record: Mapping) -> tuple[str, ...]:
    if record.get("parts") is not None:
        return ()
    return (
        "The images are stars that are built in, whatever the network was trained on; "
        "--parts takes photographs in which the places of parts are known.",
    )


def _spread(cell: Mapping | None) -> str:
    return f"{cell['mean']:.3f} ± {cell['deviation']:.3f}" if cell else "–"


FINDINGS: dict[str, Callable[[Mapping], Finding]] = {
    "correspondence": correspondence,
    "evolution": evolution,
    "filters": filters,
    "invariance": invariance,
}
