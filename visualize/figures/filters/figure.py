"""Fig. 6: first-layer filters of networks, and what they do to layer 2."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from visualize.figures.figure import Figure
from visualize.figures.shared_settings import RuleSettings
from zfkeras.cli import settings
from zfkeras.errors import UsageError
from zfkeras.records import Record, Table, setting
from zfkeras.records.table import number, percent

PAPER = {
    "figure": "Fig. 6",
    "claim": "Fig. 6 and sec. 4.1: without renormalisation a few filters dominate; "
    "AlexNet's 11x11 filters mix very high and very low frequencies with few between, "
    "some are dead, and stride 4 causes aliasing in layer 2; filters of 7x7 with "
    "stride 2 are more distinct, fewer are dead, and layer 2 is free of aliasing.",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class FilterSettings(RuleSettings, settings.ModelsSettings):
    """The settings of Fig. 6."""

    labels: tuple[str, ...] | None = setting(
        None,
        flag="--label",
        action="append",
        metavar="TEXT",
        help="name of a network in the picture, once for each --model, in their order "
        "(default: the preset, or the name of the file or its folder)",
    )
    data: str | None = settings.some_data(None, "none; only the filters are drawn")
    split: str | None = settings.a_split()
    max_images: int | None = settings.max_images()
    layer: int | str | None = settings.one_layer(
        "what to project for layer 2: the paper's number or a layer's name (default: "
        "layer 2, or the second convolution of networks that ZFNet does not make)"
    )
    channels: int = settings.a_count(
        16, "channels of layer 2 to draw, at random among the active ones"
    )
    max_bad_fraction: float = settings.max_bad_fraction()
    batch_size: int = settings.batch_size(128)
    seed: int = settings.a_seed()


def measure(context, settings: FilterSettings) -> Record:
    """Measures the filters and, with images, the projections of layer 2."""
    import numpy as np

    from visualize.figures.filters.plot import draw_filters, draw_second_layers
    from visualize.figures.filters.statistics import first_convolution, measure_filters

    if settings.layer is not None and not settings.data:
        raise UsageError("--layer needs --data, the images that it is projected on.")
    names = settings.names
    labels = model_labels(names, settings.labels)
    classifiers = context.classifiers(names, settings)
    firsts = [first_convolution(classifier.model) for classifier in classifiers]
    kernels = [np.asarray(conv.kernel, np.float32) for _, conv in firsts]
    statistics = [measure_filters(kernel) for kernel in kernels]
    strides = [tuple(conv.strides) for _, conv in firsts]
    seconds, numbers = [None] * len(names), {"data": None}
    if settings.data:
        seconds, numbers = _second_layers(context, settings, classifiers, strides)
    silent = [second and second.silent for second in seconds]
    # Drawn as colours that people see, whatever the order the network reads them in.
    shown = [
        np.moveaxis(one.preprocessing.to_rgb(np.moveaxis(kernel, 2, 3)), 3, 2)
        for one, kernel in zip(classifiers, kernels, strict=True)
    ]
    pictures = {"filters.png": draw_filters(labels, shown, statistics, strides, silent)}
    if settings.data:
        drawn = draw_second_layers(labels, seconds, strides, settings.channels)
        pictures["layer2.png"] = drawn
    networks = [
        {
            "label": label,
            "model": str(name),
            "layer": path,
            "kernel_size": [*conv.kernel_size],
            "stride": [*conv.strides],
            **measured.to_json(),
            **(second.to_json() if second else {}),
        }
        for label, name, (path, conv), measured, second in zip(
            labels, names, firsts, statistics, seconds, strict=True
        )
    ]
    numbers = {**numbers, "networks": networks}
    return Record(
        PAPER, findings(networks), numbers, [filter_table(networks)], pictures
    )


def _second_layers(context, settings, classifiers, strides):
    """Looks at layer 2 of each network; returns what is seen, and of which images."""
    from visualize.figures.filters.second_layer import (
        default_layer,
        look_at_second_layer,
    )
    from visualize.strongest.searched_images import searched_images

    images = searched_images(context, settings)
    seconds = [
        look_at_second_layer(
            classifier,
            default_layer(classifier.model)
            if settings.layer is None
            else settings.layer,
            images,
            sorted({*strides}),
            workdir=context.workdir,
            seed=settings.seed,
            batch_size=settings.batch_size,
            rules=settings.rules,
        )
        for classifier in classifiers
    ]
    return seconds, images.to_json()


def findings(networks) -> list[str]:
    """Says what each network's filters are like."""
    sentences = [
        f"{network['label']}: {network['dead']['count']} of {network['filters']} "
        f"filters dead; the largest is {number(network['rms']['dominance'], 1)} times "
        "the median in root mean square. "
        f"{_smoothness(network)}{_aliasing(network)}".strip()
        for network in networks
    ]
    if len(networks) == 1:
        sentences.append(
            "One network shows no effect of renormalisation, size or stride. Another "
            "one is put beside it by --model, in a report by --compare."
        )
    return sentences


def _smoothness(network: Mapping) -> str:
    """Says how alike neighbouring weights are."""
    value = network["neighbour_correlation"]
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


def filter_table(networks) -> Table:
    """Makes the table of each network's numbers."""
    headings = "network, size/stride, dead, never active, largest/median, correlation"
    rows = []
    for network in networks:
        size = "x".join(map(str, network["kernel_size"]))
        silent = network.get("never_active", {}).get("count", "–")
        shares = network["frequency"]["mean_share_of_power"].values()
        rows.append(
            [
                network["label"],
                f"{size}/{network['stride'][0]}",
                f"{network['dead']['count']} of {network['filters']}",
                str(silent),
                number(network["rms"]["dominance"]),
                number(network["neighbour_correlation"]),
                *(percent(share, 0) for share in shares),
            ]
        )
    return Table(
        "First-layer filters; correlation of neighbouring weights (noise: 0); share of "
        "the power by frequency",
        [*headings.split(", "), "low", "middle", "high"],
        rows,
    )


def model_labels(names: Sequence[str], labels: Sequence[str] | None) -> list[str]:
    """Names networks by the given labels, or by preset, file or folder."""
    if labels is None:
        paths = [Path(name) for name in names]
        folders = [p.parent.name if p.name == "model.keras" else "" for p in paths]
        return [name or p.stem for name, p in zip(folders, paths, strict=True)]
    if len(labels) != len(names):
        raise UsageError(
            argument="--label",
            received=f"{len(names)} models, {len(labels)} labels",
            expected="given once for each --model, or not at all",
        )
    return [*labels]


FILTERS = Figure(
    key="filters",
    title="Fig. 6: filters of the first layer",
    description=(
        "Draw and measure the first-layer filters of networks, side by side (Fig. 6). "
        "Dead filters are counted, sizes and frequencies are measured and, with "
        "--data, how much aliasing layer 2's projections show."
    ),
    settings=FilterSettings,
    measure=measure,
    quick={"channels": 8},
    takes=("models",),
    unprojected=("filters.png",),
)
