"""Fig. 2: what excites each channel, projected to pixels."""

import argparse
import dataclasses

from visualize.figures.figure import Figure
from visualize.figures.shared_settings import LAYERS_HELP, TOP_HELP, RuleSettings
from zfkeras.cli import arguments, settings
from zfkeras.io.file_names import layer_stem
from zfkeras.records import Record, setting

PAPER = {
    "figure": "Fig. 2",
    "claim": "Fig. 2 and sec. 4.1: for each feature map the nine strongest activations "
    "over the validation set, projected down to the pixels, beside the image patches "
    "they come from. Layer 2 answers to corners, edges and colours, layer 3 to "
    "textures, layer 4 is more class-specific, and layer 5 shows whole objects in many "
    "poses.",
}
NO_CLASS = "unknown class"  # of images without a label, which is -1


def _channels(text: str) -> int | list[int]:
    """Reads 16 as a number of channels, and 3,17 or 3, as channels, for argparse."""
    if "," not in text:
        return arguments.positive_int(text)
    channels = arguments.indices(text.removesuffix(","))
    if len({*channels}) < len(channels):
        raise argparse.ArgumentTypeError(f"names a channel twice. Received: {text}")
    return channels


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureSettings(RuleSettings, settings.ModelSettings, settings.EngineSettings):
    """The settings of Fig. 2."""

    data: str = settings.some_data(
        "photographs", "photographs; images like those it was trained on show more"
    )
    split: str | None = settings.a_split()
    max_images: int | None = settings.max_images()
    layers: tuple[int | str, ...] | None = settings.some_layers(LAYERS_HELP)
    channels: int | tuple[int, ...] = setting(
        16,
        type=_channels,
        metavar="N|LIST",
        help="how many channels of each layer to draw at random among those that are "
        "active, or which ones (3,17,40; 3, with a comma for a single one)",
    )
    top: int = settings.a_count(9, TOP_HELP)
    batch_size: int = settings.batch_size(128)
    seed: int = settings.a_seed()
    max_bad_fraction: float = settings.max_bad_fraction()


WITHOUT_SWITCHES = (
    "no max pool lies below: reconstructions show the unit's pattern more than the "
    "image."
)


def measure(context, settings: FeatureSettings) -> Record:
    """Finds what excites each channel most, and projects it to pixels."""
    from visualize.figures.features.finder import find_features
    from visualize.figures.features.plot import draw_layer, draw_overview, layer_title
    from visualize.images.objects import said_of_objects

    numbers, class_names, found = find_features(context, settings)
    title = f"Strongest activations over {numbers['num_images']:,} images"
    shown, records, pictures, findings = [], [], {}, []
    for features, strongest in found:
        name = layer_title(features)
        pictures[picture_name(features.layer)] = draw_layer(
            features, f"{title}: {name}"
        )
        shown.append(features)
        records.append(layer_record(features, strongest, class_names))
        if not features.pools_maxima:
            findings.append(f"{name}: {WITHOUT_SWITCHES}")
        if features.on_objects is not None:
            findings.append(f"{name}: {said_of_objects(features.on_objects)}")
    pictures = {"features.png": draw_overview(shown, title), **pictures}
    return Record(PAPER, findings, {**numbers, "layers": records}, [], pictures)


def picture_name(layer: int | str) -> str:
    """Returns the file name of a layer's picture, whatever the layer is called."""
    return f"{layer_stem(layer)}.png"


def layer_record(features, strongest, class_names) -> dict:
    """Makes the record of a layer for features.json."""
    from visualize.figures.features.top_features import mean_num_classes
    from zfkeras.records.numbers import json_number

    number, classes = features.strongest.images.shape[1], len(class_names)
    top, field = features.strongest, features.field
    return {
        "layer": features.layer,
        "layer_name": top.layer_name,
        "picture": picture_name(features.layer),
        "receptive_field": [int(side) for side in field.size],
        "knows_receptive_field": features.knows_field,
        "stride": [int(step) for step in field.stride],
        "pools_maxima": features.pools_maxima,
        "threads": [*strongest.threads],
        "num_channels": len(strongest.values),
        "num_dead": int(strongest.dead.sum()),
        "mean_num_classes_in_top": json_number(mean_num_classes(strongest)),
        "num_classes_by_chance": classes * (1 - (1 - 1 / classes) ** number),
        "recomputation_error": features.recomputation_error,
        "on_objects": features.on_objects,
        "features": [
            {
                "channel": int(channel),
                "top": [
                    {
                        "activation": float(top.values[row, place]),
                        "image_id": features.ids[row][place],
                        "image": int(top.images[row, place]),
                        "label": int(top.labels[row, place]),
                        "class_name": _class_name(class_names, top.labels[row, place]),
                        "position": top.positions[row, place].tolist(),
                        "box": features.boxes[row, place].tolist(),
                    }
                    for place in range(number)
                    if features.is_shown[row, place]
                ],
            }
            for row, channel in enumerate(features.channels)
        ],
    }


def _class_name(class_names, label) -> str:
    """Names the class of a label as people read it."""
    return class_names[label] if label >= 0 else NO_CLASS


FEATURES = Figure(
    key="features",
    title="Fig. 2: what excites each feature map",
    description=(
        "Show what excites each feature map, projected to pixels (Fig. 2). The "
        "strongest activations over a data set are projected by the deconvnet and "
        "drawn beside the patches of the images: one picture per layer, an overview, "
        "and features.json."
    ),
    settings=FeatureSettings,
    measure=measure,
    takes=("layers",),
)
