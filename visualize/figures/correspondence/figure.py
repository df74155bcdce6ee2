"""Table 1 and Fig. 8: whether hiding the same part changes features alike."""

import dataclasses
from pathlib import Path

from visualize.figures.figure import Figure
from zfkeras.cli import settings
from zfkeras.errors import UsageError
from zfkeras.records import Record, setting

PAPER = {
    "figure": "Table 1 and Fig. 8",
    "claim": "Table 1 and sec. 4.3: hiding the same part changes the signs of layer "
    "5's features more alike in different dogs than hiding random places does, so the "
    "network relates eyes and noses without being told to; at layer 7 the difference "
    "is small.",
}
# Table 1: layer -> mean and deviation of the sign change.
TABLE_1 = {
    5: {
        "right eye": (0.067, 0.007),
        "left eye": (0.069, 0.007),
        "nose": (0.079, 0.017),
        "random": (0.107, 0.017),
    },
    7: {
        "right eye": (0.069, 0.015),
        "left eye": (0.068, 0.013),
        "nose": (0.069, 0.011),
        "random": (0.073, 0.014),
    },
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorrespondenceSettings(settings.ModelSettings):
    """The settings of Table 1 and Fig. 8."""

    parts: Path | None = settings.a_file(
        'JSON {"parts": {"dog.jpg": {"nose": [x, y], "left_eye": [left, top, '
        "right, bottom], ...}, ...}}: for every image the same parts, as points or "
        "boxes in fractions of width and height, origin at the top left "
        "(default: three spikes of the stars that are built in)"
    )
    parts_images: Path | None = setting(
        None,
        flag="--images",
        type=Path,
        metavar="DIR",
        help="folder or zip with those images (default: the folder of --parts)",
    )
    count: int | None = settings.a_count(
        None,
        "images to compare, at least 2, the first of --parts (default: all; 5 stars)",
    )
    layers: tuple[int | str, ...] | None = settings.some_layers(
        "whose features are compared: the paper's numbers or names of layers, parted "
        "by commas (default: 5,7, or the last maps and the last vector of networks "
        "that ZFNet does not make)"
    )
    mask_size: int | None = settings.a_count(
        None,
        "side of the masks on points and of the random ones, in pixels of the "
        "network's input (default: 40 at 224 pixels, in proportion at other sizes)",
    )
    random: int = settings.a_count(
        100, "trials with masks at random places, of the parts' sizes"
    )
    batch_size: int = settings.batch_size(64)
    seed: int = settings.a_seed()

    def __post_init__(self):
        if self.count == 1:
            raise UsageError(argument="--count", received=1, expected="at least 2")


def measure(context, settings: CorrespondenceSettings) -> Record:
    """Hides parts and random places, and compares how features change."""
    import numpy as np

    from visualize.figures.correspondence.plot import draw_correspondence
    from visualize.figures.correspondence.sign_consistency import measure_sign_changes
    from visualize.figures.correspondence.sign_table import SignTable
    from visualize.images.parts import masks_on, part_title, random_masks
    from zfkeras.graph.layer_graph import LayerGraph

    classifier = context.classifier(settings.model, settings)
    model, preprocessing = classifier.model, classifier.preprocessing
    graph = LayerGraph(model)
    layers = settings.layers or [graph.stand_in(number) for number in (5, 7)]
    layers = graph.lowest_first(layers)
    images = _images(settings, preprocessing)
    shape = preprocessing.input_shape[:2]
    size = _mask_size(settings, min(shape))
    parts = masks_on(images, size, shape)
    chance = random_masks(parts, settings.random, shape, settings.seed)
    masks = np.concatenate([parts, chance])
    inputs = np.stack([preprocessing.centre_crop(image.square) for image in images])
    context.claim_workdir()
    changes = measure_sign_changes(
        model,
        inputs,
        masks,
        layers,
        batch_size=settings.batch_size,
        show_progress=True,
    )
    names = [part_title(name) for name in images[0].parts]
    table = SignTable(
        names,
        [graph.heading(layer) for layer in layers],
        [changes.distances[layer] for layer in layers],
        [changes.changed[layer] for layer in layers],
        [_paper(layer, names) for layer in layers],
    )
    pictures = [preprocessing.view(image.square) for image in images]
    stars = (
        "The images are stars that are built in, whatever the network was trained on; "
        "--parts takes photographs in which the places of parts are known."
    )
    return Record(
        PAPER,
        [*table.summary(), *([stars] if settings.parts is None else [])],
        {
            "mask_size": size,
            "random_trials": settings.random,
            "images": [image.name for image in images],
            "layers": table.to_json(),
        },
        [table.beside_paper(len(images))],
        {"correspondence.png": draw_correspondence(pictures, masks, table)},
    )


def _paper(layer, names) -> dict:
    """Returns the paper's numbers of a layer, if it hid one of these parts."""
    known = TABLE_1.get(layer, {})
    return {} if known.keys().isdisjoint(names) else known


def _images(settings, preprocessing):
    from visualize.images.parts import images_with_parts, read_parts, shapes_with_parts

    if settings.parts is None:
        if settings.parts_images is not None:
            raise UsageError("--images needs --parts, which says where the parts are.")
        return shapes_with_parts(settings.count or 5, preprocessing)
    parts = read_parts(settings.parts)
    count = settings.count or len(parts)
    if count > len(parts):
        raise UsageError(
            argument="--count",
            received=count,
            expected=f"at most {len(parts)}, the images of --parts",
        )
    chosen = dict([*parts.items()][:count])
    folder = settings.parts_images or settings.parts.absolute().parent
    return images_with_parts(chosen, folder, preprocessing)


def _mask_size(settings, side) -> int:
    if settings.mask_size is None:
        return max(1, round(side * 40 / 224))
    if settings.mask_size >= side:
        raise UsageError(
            argument="--mask-size",
            received=settings.mask_size,
            expected=f"less than {side}, the side of the network's input",
            remedy="Larger masks hide all of the image.",
        )
    return settings.mask_size


CORRESPONDENCE = Figure(
    key="correspondence",
    title="Table 1 and Fig. 8: correspondence of parts",
    description=(
        "Measure whether hiding the same part changes features alike (Table 1). The "
        "part is hidden in several images, and random places are, as in Table 1 and "
        "Fig. 8 of the paper: correspondence.png and .json."
    ),
    settings=CorrespondenceSettings,
    measure=measure,
    quick={"random": 20},
    takes=("parts", "parts_images"),
)
