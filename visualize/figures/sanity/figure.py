"""Are these pictures true? Tests of the projections of each layer."""

import dataclasses

from visualize.figures.figure import Figure
from visualize.figures.shared_settings import LAYERS_HELP, RuleSettings
from zfkeras.cli import settings
from zfkeras.errors import UsageError
from zfkeras.records import Record

PAPER = {
    "figure": "none",
    "claim": "The paper tests one projection in each of three images, by an occluder "
    "(sec. 4.2), and none against a network with random weights. These tests are those "
    "of Adebayo et al. (2018), Sixt et al. (2020) and Petsiuk et al. (2018).",
}

_TOO_FEW = "Not tested, since fewer than two channels are active in nine images:"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SanitySettings(settings.ModelSettings, RuleSettings):
    """The settings of the tests."""

    data: str = settings.some_data(
        "photographs", "photographs; shapes, whose objects are known, tell more"
    )
    split: str | None = settings.a_split()
    max_images: int | None = settings.max_images()
    layers: tuple[int | str, ...] | None = settings.some_layers(LAYERS_HELP)
    channels: int = settings.a_count(
        6, "channels of each layer, at least 2, drawn at random among the active ones"
    )
    max_bad_fraction: float = settings.max_bad_fraction()
    batch_size: int = settings.batch_size(128)
    seed: int = settings.a_seed()

    def __post_init__(self):
        if self.channels < 2:
            raise UsageError(
                argument="--channels", received=self.channels, expected="at least 2"
            )


def measure(context, settings: SanitySettings) -> Record:
    """Tests each layer's projections, beside a random twin's and an edge detector."""
    from tqdm import tqdm

    from visualize.figures.sanity.examiner import Examiner
    from visualize.figures.sanity.plot import draw_sanity
    from visualize.figures.sanity.tables import (
        layer_to_json,
        likeness_table,
        score_table,
    )
    from visualize.figures.sanity.verdict import findings
    from zfkeras.io.file_names import layer_stem

    examiner = Examiner(context, settings)
    results, tables, pictures, left_out = [], [], {}, []
    for layer in tqdm(examiner.layers, "test", unit=" layers"):
        found = examiner.examine(layer)
        if found is None:
            left_out.append(examiner.graph.heading(layer))
            continue
        result, *shown = found
        results.append(result)
        tables += [score_table(result), likeness_table(result)]
        picture = draw_sanity(result, *shown, examiner.preprocessing)
        pictures[f"{layer_stem(layer)}.png"] = picture
    if not results:
        raise UsageError(
            argument="--data",
            received=f"too few active channels in {', '.join(left_out)}",
            expected="images of which nine bring two channels of a layer above 0",
        )
    return Record(
        PAPER,
        [*findings(results), *(f"{_TOO_FEW} {name}." for name in left_out)],
        {
            **examiner.images.to_json(),
            "layers": {one.layer_name: layer_to_json(one) for one in results},
        },
        tables,
        pictures,
    )


SANITY = Figure(
    key="sanity",
    title="Are these pictures true?",
    description=(
        "Test whether projections depend on the image, the unit and the weights. Each "
        "layer's projections are compared with those of a network with random weights "
        "and with an edge detector, by deconvnet, guided backpropagation and gradient."
    ),
    settings=SanitySettings,
    measure=measure,
    quick={"channels": 3},
    takes=("layers",),
)
