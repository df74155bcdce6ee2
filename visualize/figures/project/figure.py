"""Section 2.1: the strongest units of a layer in single photographs."""

import argparse
import dataclasses

from visualize.figures.figure import Figure
from visualize.figures.shared_settings import RuleSettings
from zfkeras.cli import arguments, settings
from zfkeras.errors import RunError, UsageError
from zfkeras.records import Record, setting

PAPER = {
    "figure": "sec. 2.1",
    "claim": "Sec. 2.1: to examine an activation, all others of its layer are set to "
    "zero, and the map goes down through the deconvnet, by the switches of this image.",
}
MOST_UNITS = 32  # of one picture: as many rows as can be read on a screen


def _position(text: str) -> list[int]:
    """Reads 3,4 for argparse."""
    numbers = arguments.indices(text)
    if len(numbers) != 2:
        raise argparse.ArgumentTypeError(
            f"must be a row and a column, such as 3,4. Received: {text}"
        )
    return numbers


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProjectSettings(RuleSettings, settings.ModelSettings):
    """Photographs, and which units of a layer are projected in them."""

    images: tuple[str, ...] = setting(
        (),
        flag="images",
        nargs="+",
        metavar="IMAGE",
        help="photographs, or folders whose files are taken",
    )
    layer: int | str | None = settings.one_layer(
        "the paper's number, 1 to 7, or a layer's name (default: 5, or the last maps "
        "of networks that ZFNet does not make)"
    )
    channels: tuple[int, ...] | None = setting(
        None,
        flag="--channel",
        type=arguments.indices,
        metavar="N[,N...]",
        help="which channels, from 0 (default: the strongest of each photograph)",
    )
    position: tuple[int, int] | None = setting(
        None,
        type=_position,
        metavar="Y,X",
        help="row and column in the layer's map, from 0 (default: where each channel "
        "is strongest)",
    )
    units: int = settings.a_count(
        6,
        f"how many of the strongest channels, at most {MOST_UNITS}; without effect "
        "where --channel is given",
    )

    def __post_init__(self):
        units = self.units if self.channels is None else len(self.channels)
        if not 1 <= units <= MOST_UNITS:
            raise UsageError(
                argument="units", received=units, expected=f"1 to {MOST_UNITS}"
            )
        if self.channels is not None and len({*self.channels}) < len(self.channels):
            raise UsageError(
                argument="channel",
                received=[*self.channels],
                expected="channels that differ from each other",
            )


def measure(context, settings: ProjectSettings) -> Record:
    """Projects the strongest units of each photograph and draws them."""
    from visualize.figures.marks import label_rules
    from visualize.figures.project.photograph_projection import PhotographProjector
    from visualize.figures.project.plot import draw_projections
    from visualize.images.photographs import read_photographs
    from zfkeras.data.files.image_paths import image_paths
    from zfkeras.plots import save_figure

    files = [*dict.fromkeys(image_paths(settings.images))]
    classifier = context.classifier(settings.model, settings)
    names = classifier.class_names
    projector = PhotographProjector(classifier, settings)
    folder, records, left_out = context.workdir, [], {}
    for photograph in read_photographs(files, classifier.preprocessing, left_out):
        projected = projector.project(photograph.square)
        figure = draw_projections(
            projected,
            photograph.view,
            photograph.file.name,
            projector.title,
            names,
            units_are_classes=projector.is_output,
        )
        label_rules(figure, settings.rules)
        save_figure(figure, folder / photograph.picture_name)
        about = {"file": str(photograph.file), "picture": photograph.picture_name}
        records.append({**about, **projected.to_json(names)})
    if not records:
        raise RunError("none of the files could be read as an image")
    return Record(
        PAPER,
        _findings(records, left_out),
        {**projector.to_json(), "photographs": records, "left_out": left_out},
        pictures={record["picture"]: None for record in records},
    )


def _findings(records, left_out) -> list[str]:
    """Names the most probable classes of each photograph, and counts those left out."""
    found = []
    for record in records:
        classes = ", ".join(
            f"{one['name']} {100 * one['probability']:.1f} %"
            for one in record["predictions"]
        )
        found.append(f"{record['file']}: {classes}")
    if left_out:
        total = len(records) + len(left_out)
        found.append(f"left out: {len(left_out)} of {total} files that cannot be read")
    return found


PROJECT = Figure(
    key="project",
    title="Sec. 2.1: units of a layer in single photographs",
    description=(
        "Project the strongest units of a layer to the pixels of photographs (sec. "
        "2.1). Prints the predicted classes and writes project.json and one picture "
        "for each photograph: the units' receptive fields, feature maps and "
        "projections by the deconvnet, guided backpropagation and the gradient."
    ),
    settings=ProjectSettings,
    measure=measure,
)
