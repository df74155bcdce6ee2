"""Fig. 4: how features change during training."""

import dataclasses
import math
from pathlib import Path

from visualize.figures.figure import Figure
from visualize.figures.shared_settings import LAYERS_HELP, RuleSettings
from zfkeras.cli import settings
from zfkeras.records import Record, Table, setting
from zfkeras.records.table import number, percent

PAPER = {
    "figure": "Fig. 4",
    "epochs": [1, 2, 5, 10, 20, 30, 40, 64],
    "claim": "Fig. 4 and sec. 4: the lower layers converge within a few epochs, the "
    "upper ones only after 40 to 50; sudden jumps come from a change of the image that "
    "gives the strongest activation.",
}
_CLEARLY_NEARER = 0.05  # between cosines
_FEWEST = 3  # snapshots that show an order: the last is always like itself


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvolutionSettings(RuleSettings):
    """The settings of Fig. 4."""

    run: Path = setting(
        type=Path,
        metavar="DIR",
        help="workdir of a training, whose snapshots/epoch-NNN.keras are compared",
    )
    data: str = settings.some_data()
    split: str | None = settings.a_split("train")
    max_images: int | None = settings.max_images()
    layers: tuple[int | str, ...] | None = settings.some_layers(LAYERS_HELP)
    epochs: tuple[int, ...] | None = settings.a_count(
        None, "epochs to compare (default: all that were kept)", nargs="+"
    )
    channels: int = settings.a_count(
        6, "channels of each layer, drawn at random among the active ones"
    )
    probes: int = settings.a_count(
        32, "images on which the nearness of snapshots is measured"
    )
    max_bad_fraction: float = settings.max_bad_fraction()
    batch_size: int = settings.batch_size(128)
    seed: int = settings.a_seed()


def measure(context, settings: EvolutionSettings) -> Record:
    """Follows the strongest activations of some channels through the snapshots."""
    from visualize.figures.evolution.history import FeatureHistory
    from visualize.figures.evolution.snapshots import find_snapshots
    from visualize.images.sample import draw_sample, load_probes
    from visualize.strongest.searched_images import searched_images
    from zfkeras.graph.layer_graph import LayerGraph
    from zfkeras.models.presets import load

    snapshots = find_snapshots(settings.run, settings.epochs)
    images = searched_images(context, settings, "train")
    # Its weights change: it cannot be the context's.
    classifier = load([*snapshots.values()][-1])
    graph = LayerGraph(classifier.model)
    layers = settings.layers or graph.usual_layers()
    history = FeatureHistory(
        classifier,
        snapshots,
        layers,
        images,
        workdir=context.folder,
        num_channels=settings.channels,
        seed=settings.seed,
        batch_size=settings.batch_size,
        rules=settings.rules,
    )
    split = images.source.split(images.split_name)
    probes = draw_sample(split, settings.probes, settings.seed)
    context.claim_workdir()
    probes = load_probes(probes, classifier.preprocessing, images.bad_images)
    headed = {
        graph.heading(layer): found for layer, found in history.follow(probes).items()
    }
    numbers = {
        **images.to_json(),
        "run": str(settings.run),
        "images": images.split.num_examples,
        "probes": len(probes),
        "is_zfnet": bool(graph.endpoints),
        "epochs": [*snapshots],
    }
    return _record(numbers, images.split, headed)


def _record(numbers, split, headed) -> Record:
    """Makes the record from each layer's history by its heading."""
    import numpy as np

    from visualize.figures.evolution.plot import draw_evolution
    from visualize.images.sample import examples_at

    layers = headed.values()
    places = np.concatenate([layer.images.ravel() for layer in layers])
    examples = examples_at(split, places)
    kind = "training" if numbers["split"] == "train" else numbers["split"]
    looked_at = f"{numbers['images']:,} {kind} images"
    name = Path(numbers["data"]).name  # a path may be as long as it likes
    figure = draw_evolution(
        numbers["epochs"],
        {heading: layer.reconstructions for heading, layer in headed.items()},
        {heading: layer.channels for heading, layer in headed.items()},
        {heading: layer.images for heading, layer in headed.items()},
        title=f"Strongest activation of a channel over {looked_at} of {name}, "
        "projected",
        similarity={heading: layer.to_last for heading, layer in headed.items()},
    )
    records = {
        layer.layer_name: _layer_record(heading, layer, examples)
        for heading, layer in headed.items()
    }
    return Record(
        PAPER,
        findings(numbers, looked_at, headed),
        {**numbers, "layers": records},
        [history_table(numbers["epochs"], headed)],
        {"evolution.png": figure},
    )


def _layer_record(heading, layer, examples) -> dict:
    from zfkeras.records.numbers import json_number

    return {
        "heading": heading,
        "cosine_to_next": [json_number(value) for value in layer.to_next],
        "cosine_to_last": [json_number(value) for value in layer.to_last],
        "share_of_channels_with_another_image": [*layer.changed],
        "settled_epoch": layer.settled,
        "channels": {
            str(channel): [
                {
                    "epoch": epoch,
                    "activation": float(layer.activations[row, column]),
                    "image": examples[int(layer.images[row, column])]["id"],
                    "position": layer.positions[row, column].tolist(),
                }
                for column, epoch in enumerate(layer.epochs)
            ]
            for row, channel in enumerate(layer.channels)
        },
    }


def findings(numbers, looked_at, headed) -> list[str]:
    """Says when each layer settles, and how many strongest images still change."""
    layers = [*headed.values()]
    named = ", ".join(
        f"{heading} never"
        if layer.settled is None
        else f"{heading} from epoch {layer.settled}"
        for heading, layer in headed.items()
    )
    jumps = [percent(layer.changed[-1], 0) for layer in layers]
    return [
        f"{looked_at} at {len(numbers['epochs'])} snapshots of {numbers['run']}. A "
        "layer has settled once its projections keep a cosine of 0.5 or more to those "
        f"of the last snapshot: {named}. {_order(numbers, layers)}",
        "Jumps: between the last two snapshots another image became the strongest in "
        f"{jumps[0]} of the channels of the lowest layer and {jumps[-1]} of the "
        "highest.",
    ]


def _order(numbers, layers) -> str:
    """Says whether the lower layers settle first, as in the paper."""
    epochs = numbers["epochs"]
    if len(epochs) < _FEWEST:
        return f"{len(epochs)} snapshots are too few to show an order."
    paper, of_zfnet = "paper's order", "" if numbers["is_zfnet"] else " for ZFNet"
    first, last = layers[0].to_last, layers[-1].to_last
    order = [math.inf if one.settled is None else one.settled for one in layers]
    if order != sorted(order):
        return f"The layers do not settle in the {paper}{of_zfnet}."
    if order[0] != order[-1]:
        return f"The lower layers settle first, as in the paper{of_zfnet}."
    if order[0] in epochs[:-1]:
        at = epochs.index(order[0])
        low, high = first[at], last[at]
        if low - high > _CLEARLY_NEARER:
            return (
                "They settle at the same snapshot, but there the lowest layer is "
                f"nearer to its end ({low:.2f}) than the highest ({high:.2f}), which "
                f"is the {paper}{of_zfnet}."
            )
    return f"The layers settle together: the {paper}{of_zfnet} does not show."


def history_table(epochs, headed) -> Table:
    """Makes the table of the cosines by epoch."""
    rows = [
        [
            heading,
            *(number(None if math.isnan(one) else one) for one in layer.to_last),
            "–" if layer.settled is None else str(layer.settled),
            percent(layer.changed[-1], 0),
        ]
        for heading, layer in headed.items()
    ]
    return Table(
        "Cosine of the projections to those of the last snapshot, by epoch",
        ["layer", *map(str, epochs), "settled", "other image at the end"],
        rows,
    )


EVOLUTION = Figure(
    key="evolution",
    title="Fig. 4: how features evolve during training",
    description=(
        "Draw how features change during training (Fig. 4). For some channels of each "
        "layer, the strongest activation over the training images at each snapshot is "
        "projected to pixels, and when each layer settles is measured."
    ),
    settings=EvolutionSettings,
    measure=measure,
    quick={"channels": 3, "probes": 8},
    takes=("run", "layers"),
)
