"""Fig. 5: what shifting, scaling and rotating an image changes."""

import dataclasses

from visualize.figures.figure import Figure
from visualize.figures.shared_settings import COUNT_HELP, ImageSettings
from zfkeras.cli import settings
from zfkeras.records import Record, Table, setting
from zfkeras.records.table import number, percent

FILLS = ("mean", "edge", "mirror")
PAPER = {
    "figure": "Fig. 5",
    "claim": "Fig. 5 and sec. 4.1: small transformations have a dramatic effect in the "
    "first layer and a lesser one in layer 7, which is nearly linear for translation "
    "and scale; the output is stable to both, but not to rotation, except for objects "
    "with rotational symmetry.",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class InvarianceSettings(ImageSettings):
    """The settings of Fig. 5."""

    count: int = settings.a_count(5, COUNT_HELP)
    layers: tuple[int | str, ...] | None = settings.some_layers(
        "whose features are compared: the paper's numbers or names of layers, parted "
        "by commas (default: 1,7, or the first convolution and the last vector of "
        "networks that ZFNet does not make)"
    )
    fill: str = setting(
        "mean",
        choices=FILLS,
        help="what appears where the image ends: the mean image, which the network "
        "reads as 0; the border's pixels repeated; or the image mirrored",
    )


def measure(context, settings: InvarianceSettings) -> Record:
    """Follows features and answers while images are shifted, scaled and turned."""
    import numpy as np

    from visualize.figures.invariance.meter import InvarianceMeter
    from visualize.figures.invariance.plot import draw_invariance
    from visualize.images.chosen import chosen_images
    from zfkeras.graph.layer_graph import LayerGraph

    source = context.source(settings.data)
    split_name = source.split_name(settings.split)
    classifier = context.classifier(settings.model, settings)
    model, preprocessing = classifier.model, classifier.preprocessing
    graph = LayerGraph(model)
    layers = settings.layers or [graph.stand_in(number) for number in (1, 7)]
    meter = InvarianceMeter(
        model,
        layers,
        mean_image=preprocessing.mean_image,
        input_scale=preprocessing.input_scale,
        fill=settings.fill,
    )
    images = chosen_images(classifier, source, split_name, settings)
    context.claim_workdir()
    curves = meter.measure(
        np.stack([preprocessing.channels(image.square) for image in images]),
        [image.label for image in images],
        batch_size=settings.batch_size,
        show_progress=True,
    )
    names = [image.shown_class(classifier.class_names) for image in images]
    headings = {layer: graph.heading(layer) for layer in layers}
    figure = draw_invariance(meter, curves, images, names, headings, preprocessing)
    return Record(
        PAPER,
        [_sentence(curve, headings) for curve in curves],
        {
            "data": None if settings.images else source.spec,
            "split": None if settings.images else split_name,
            "distance": "Euclidean distance of the features / norm of the features of "
            "the image as it is",
            "images": [image.to_json(classifier.class_names) for image in images],
            "transformations": {
                curve.sweep.name: _curve_record(curve, headings) for curve in curves
            },
        },
        [_table(curves, headings)],
        {"invariance.png": figure},
    )


def _sentence(curve, headings) -> str:
    """Says how far features and answer move with a transformation."""
    parts = [
        f"{heading} moves by up to {curve.relative(layer).mean(axis=0).max():.2f} of "
        f"its norm{_half_way(curve, layer)}{_line(curve.linearity(layer))}"
        for layer, heading in headings.items()
    ]
    count = len(curve.labels)
    return (
        f"{curve.sweep.name.capitalize()}: {'; '.join(parts)}. The label stays in "
        f"{curve.same_label():.0%} of the copies of {count} "
        f"{'image' if count == 1 else 'images'}, the probability of the class is "
        f"{curve.probabilities.mean():.2f} on average, {curve.start().mean():.2f} at "
        "the start."
    )


def _half_way(curve, layer) -> str:
    """Says where half of the largest distance is reached."""
    value, unit = curve.sweep.identity + curve.half_way(layer), curve.sweep.unit
    if value != value:
        return ""
    at = f"a ratio of {value:.3g}" if unit == "ratio" else f"{value:.3g} {unit}"
    return f", half of that at {at}"


def _line(r_squared) -> str:
    return "" if r_squared != r_squared else f" (R² of a line: {r_squared:.2f})"


def _table(curves, headings) -> Table:
    """Makes a row for each transformation."""
    names = headings.values()
    rows = []
    for curve in curves:
        halves = [curve.sweep.identity + curve.half_way(layer) for layer in headings]
        lines = [curve.linearity(layer) for layer in headings]
        rows.append(
            [
                f"{curve.sweep.name}, {curve.sweep.unit}",
                *("–" if value != value else f"{value:.3g}" for value in halves),
                *(number(None if value != value else value) for value in lines),
                percent(curve.same_label(), 0),
            ]
        )
    return Table(
        "Distance of the features, and the label",
        [
            "transformation",
            *(f"{name}: half way at" for name in names),
            *(f"{name}: R² of a line" for name in names),
            "label stays",
        ],
        rows,
    )


def _curve_record(curve, headings) -> dict:
    from zfkeras.records.numbers import json_number, json_rows

    return {
        "unit": curve.sweep.unit,
        "identity": curve.sweep.identity,
        "values": [round(float(value), 6) for value in curve.sweep.values],
        "layers": {
            heading: {
                "distance": json_rows(curve.relative(layer)),
                "norms": [float(norm) for norm in curve.norms[layer]],
                "half_of_largest_mean_distance_at": json_number(curve.half_way(layer)),
                "r_squared_of_a_line": json_number(curve.linearity(layer)),
            }
            for layer, heading in headings.items()
        },
        "probability": json_rows(curve.probabilities),
        "share_with_the_same_label": curve.same_label(),
        "share_with_the_same_label_by_image": [*map(float, curve.kept())],
    }


INVARIANCE = Figure(
    key="invariance",
    title="Fig. 5: invariance to shifts, scale and rotation",
    description=(
        "Measure what shifting, scaling and rotating an image changes (Fig. 5). The "
        "features of a low and a high layer and the probability of the true class are "
        "followed: invariance.png and invariance.json. The ranges are the paper's: -60 "
        "to 60 of 224 pixels, ratio 1 to 1.8, 0 to 350 degrees."
    ),
    settings=InvarianceSettings,
    measure=measure,
    quick={"count": 3},
    takes=("images",),
    shows_objects=True,
)
