"""Fig. 7: what hiding each part of an image changes."""

import dataclasses

from visualize.figures.figure import Figure
from visualize.figures.shared_settings import COUNT_HELP, ImageSettings, RuleSettings
from zfkeras.cli import arguments, settings
from zfkeras.records import Record, setting

PAPER = {
    "figure": "Fig. 7",
    "claim": "Fig. 7 and sec. 4.2: the probability of the class falls where the square "
    "hides the object, so the network finds it and does not live on its surroundings; "
    "the activation of a feature map falls where its projection shows something, so "
    "the projection is true to the image.",
}


def _grey(text: str) -> float:
    """Reads a number from 0 to 255, for argparse."""
    return arguments.number(text, float, 0, 255, "from 0 to 255")


@dataclasses.dataclass(frozen=True, kw_only=True)
class OcclusionSettings(RuleSettings, ImageSettings):
    """The settings of Fig. 7."""

    count: int = settings.a_count(3, COUNT_HELP)
    layer: int | str | None = settings.one_layer(
        "whose feature map is watched: the paper's number or a layer's name, with "
        "relu@2 for the second call of a layer that is called several times (default: "
        "5, or the last maps of networks that ZFNet does not make)"
    )
    channel: int | None = setting(
        None,
        type=arguments.index,
        metavar="N",
        help="which feature map, from 0 (default: the one with the strongest "
        "activation in the unoccluded image)",
    )
    patch_size: int | None = settings.a_count(
        None,
        "side of the square in pixels of the network's input (default: 50 at 224 "
        "pixels, in proportion at other sizes)",
    )
    patch_stride: int | None = settings.a_count(
        None,
        "step between squares in pixels, at most their side; where they do not end at "
        "the border, a last one stands flush with it (default: 8 at 224 pixels, in "
        "proportion)",
    )
    fill: float | None = setting(
        None,
        type=_grey,
        metavar="N",
        help="grey of the square, 0 to 255 (default: the mean image, which the network "
        "reads as 0)",
    )
    max_images: int | None = settings.max_images(
        "search the three other images of column c in a random sample of --data this "
        "large (default: in all of the split)"
    )
    max_bad_fraction: float = settings.max_bad_fraction()
    batch_size: int = settings.batch_size(64)


def measure(context, settings: OcclusionSettings) -> Record:
    """Slides a grey square over images and follows a feature map and the answer."""
    from visualize.figures.occlusion.findings import findings
    from visualize.figures.occlusion.plot import draw_occlusion
    from visualize.figures.occlusion.rows import make_rows
    from visualize.images.chosen import chosen_images
    from visualize.strongest.searched_images import searched_images

    searched = searched_images(context, settings)
    classifier = context.classifier(settings.model, settings)
    images = chosen_images(classifier, searched.source, searched.split_name, settings)
    rows = make_rows(context, settings, images, searched)
    numbers = {
        **searched.to_json(),
        "fill": "mean image" if settings.fill is None else settings.fill,
        "images": [row.to_json(classifier.class_names) for row in rows],
    }
    pictures = {"occlusion.png": draw_occlusion(rows, classifier.class_names)}
    return Record(PAPER, findings(rows), numbers, pictures=pictures)


OCCLUSION = Figure(
    key="occlusion",
    title="Fig. 7: occlusion, or what the answer depends on",
    description=(
        "Measure what hiding each part of an image changes (Fig. 7). A grey square "
        "slides over the image; maps show the activation of one feature map, the "
        "probability of the class and the most likely label, beside what the deconvnet "
        "projects the feature map to: occlusion.png and occlusion.json."
    ),
    settings=OcclusionSettings,
    measure=measure,
    quick={"count": 2},
    takes=("images",),
    shows_objects=True,
)
