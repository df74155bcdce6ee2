"""`python -m visualize.filters`: first-layer filters of several networks, Fig. 6."""

import argparse
import sys
from pathlib import Path

from zfkeras import commandline

DEFAULT_MODELS = [commandline.DEFAULT_MODEL]
CLAIM = (
    "Fig. 6 and sec. 4.1: without renormalisation a few filters dominate; AlexNet's "
    "11x11 filters mix very high and very low frequencies with few between, some are "
    "dead, and stride 4 causes aliasing in layer 2; filters of 7x7 with stride 2 are "
    "more distinct, fewer are dead, and layer 2 is free of aliasing."
)


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = commandline.make_parser(
        "visualize.filters",
        "Draw the first-layer filters of one network or several side by side (Fig. 6); "
        "count dead ones, measure size and frequencies and, with --data, how much "
        "aliasing layer 2's projections show.",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="MODEL",
        help="preset or .keras file; give it several times to compare networks "
        "(default: quarter, the network in the box)",
    )
    parser.add_argument(
        "--label",
        action="append",
        metavar="TEXT",
        help="name of a network in the picture, once for each --model, in their order "
        "(default: the preset, or the name of the file or its folder)",
    )
    commandline.add_workdir(parser, default="runs/filters")
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return commandline.run(build_parser(), _filters, argv)


def _filters(args):
    import numpy as np

    from visualize.filter_statistics import first_convolution, measure_filters
    from visualize.render.filters import draw_filters
    from zfkeras.models.presets import load
    from zfkeras.provenance import write_record
    from zfkeras.render import save_figure

    names = args.model or DEFAULT_MODELS
    labels = model_labels(names, args.label)
    layers = [first_convolution(load(name).model) for name in names]
    commandline.make_folder(args.workdir)
    kernels = [np.asarray(layer.kernel) for layer in layers]
    statistics = [measure_filters(kernel) for kernel in kernels]
    strides = [layer.strides for layer in layers]
    figure = draw_filters(labels, kernels, statistics, strides, [None] * len(names))
    picture = save_figure(figure, args.workdir / "filters.png")
    print(picture)
    write_record(args.workdir / "filters.json", {})


def model_labels(names: list[str], labels: list[str] | None) -> list[str]:
    """What the networks are called in the picture.

    Args:
        names: presets or paths.
        labels: one a network; `None`: the preset, the file's name without its ending,
            or its folder's for a file called model.keras.

    Raises:
        UsageError: as many labels as networks are needed, or none.
    """
    from zfkeras.errors import UsageError

    if labels is None:
        paths = [Path(name) for name in names]
        return [p.parent.name if p.name == "model.keras" else p.stem for p in paths]
    if len(labels) != len(names):
        raise UsageError(
            "--label must be given once for each --model, or not at all. "
            f"Received: {len(names)} models, {len(labels)} labels."
        )
    return labels


if __name__ == "__main__":
    sys.exit(main())
