"""A figure from outside the package: how the brightness of images moves the answer."""

import dataclasses

import numpy as np

from visualize import Figure, register_figure
from zfkeras import Record, Table, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class BrightnessSettings:
    """The settings of the figure; a report gives those whose names it knows."""

    model: str = setting("quarter", metavar="MODEL", help="network to look into")
    data: str = setting("shapes", metavar="SPEC", help="where the images are")
    split: str | None = setting(None, metavar="NAME", help="which split of the data")
    count: int = setting(8, type=int, metavar="N", help="images to look at")


def measure(context, settings: BrightnessSettings) -> Record:
    """Predicts images as they are and at half their brightness."""
    from zfkeras.plots import new_figure, subplots

    source = context.source(settings.data)
    split = source.split(source.split_name(settings.split))
    keys = [row["key"] for row in split.stream().take(settings.count)]
    classifier = context.classifier(settings.model)
    square = classifier.preprocessing.square
    images = np.stack([square(split.read(key.numpy())) for key in keys])
    answers = [classifier.predict(images * scale).max(axis=1) for scale in (1.0, 0.5)]
    means = [float(answer.mean()) for answer in answers]
    figure = new_figure(4, 3, "Brightness")
    subplots(figure)[0, 0].bar(["as it is", "half"], means)
    rows = [["1", f"{means[0]:.2f}"], ["0.5", f"{means[1]:.2f}"]]
    return Record(
        paper={"claim": "The paper says nothing of brightness."},
        findings=[f"At half the brightness the answers are {means[1]:.2f} sure."],
        numbers={"means": means},
        tables=[Table("Largest probability", ["brightness", "mean"], rows)],
        pictures={"brightness.png": figure},
    )


BRIGHTNESS = register_figure(
    Figure(
        key="brightness",
        title="Brightness",
        description="Draw how brightness moves the answer.",
        settings=BrightnessSettings,
        measure=measure,
        quick={"count": 2},
    )
)
