"""`python -m visualize.filters`: first-layer filters of several networks, Fig. 6."""

import argparse
import sys
from pathlib import Path

from visualize.figures.arguments import add_max_images, layer
from zfkeras.cli import arguments, command

DEFAULT_MODELS = [arguments.DEFAULT_MODEL]
CLAIM = (
    "Fig. 6 and sec. 4.1: without renormalisation a few filters dominate; AlexNet's "
    "11x11 filters mix very high and very low frequencies with few between, some are "
    "dead, and stride 4 causes aliasing in layer 2; filters of 7x7 with stride 2 are "
    "more distinct, fewer are dead, and layer 2 is free of aliasing."
)


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "visualize.filters",
        "Draw and measure the first-layer filters of networks, side by side (Fig. 6). "
        "Dead filters are counted, sizes and frequencies are measured and, with "
        "--data, how much aliasing layer 2's projections show.",
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
    arguments.add_data(parser, default_text="none; only the filters are drawn")
    arguments.add_split(parser)
    add_max_images(parser)
    parser.add_argument(
        "--layer",
        type=layer,
        metavar="LAYER",
        help="what to project for layer 2: the paper's number or a layer's name "
        "(default: layer 2, or the second convolution of networks that ZFNet does not "
        "make)",
    )
    parser.add_argument(
        "--channels",
        type=arguments.positive_int,
        default=16,
        metavar="N",
        help="channels of layer 2 to draw, at random among the active ones",
    )
    arguments.add_max_bad_fraction(parser)
    arguments.add_batch_size(parser, default=128)
    arguments.add_seed(parser)
    arguments.add_workdir(parser, default="runs/filters")
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), make_figure, argv)


def make_figure(args):
    """Draws Fig. 6 and writes its record and picture into the workdir."""
    import numpy as np

    from visualize.figures.filters.statistics import first_convolution, measure_filters
    from visualize.plots.filters import draw_filters, draw_second_layers
    from zfkeras.errors import UsageError
    from zfkeras.io.provenance import write_results
    from zfkeras.models.presets import load
    from zfkeras.plots import save_figure

    if args.layer is not None and not args.data:
        raise UsageError("--layer needs --data, the images that layer 2 is shown on.")
    names = args.model or DEFAULT_MODELS
    labels = model_labels(names, args.label)
    classifiers = [load(name) for name in names]
    firsts = [first_convolution(classifier.model) for classifier in classifiers]
    command.make_folder(args.workdir)
    kernels = [np.asarray(conv.kernel, np.float32) for _, conv in firsts]
    statistics = [measure_filters(kernel) for kernel in kernels]
    strides = [tuple(conv.strides) for _, conv in firsts]
    seconds, bad_images = [None] * len(names), None
    if args.data:
        seconds, bad_images = _second_layers(args, classifiers, sorted(set(strides)))
    silent = [second and second.silent for second in seconds]
    figure = draw_filters(labels, kernels, statistics, strides, silent)
    written = [save_figure(figure, args.workdir / "filters.png")]
    if args.data:
        figure = draw_second_layers(labels, seconds, strides, args.channels)
        written.append(save_figure(figure, args.workdir / "layer2.png"))
    networks = [
        {
            "label": label,
            "model": str(name),
            "layer": path,
            "kernel_size": [*conv.kernel_size],
            "stride": [*conv.strides],
            **measured.to_json(),
            **_second_record(second),
        }
        for label, name, (path, conv), measured, second in zip(
            labels, names, firsts, statistics, seconds, strict=True
        )
    ]
    record = {
        "paper": {"figure": "Fig. 6", "claim": CLAIM},
        "data": args.data,
        "split": args.split if args.data else None,
        "max_images": args.max_images,
        "bad_images": bad_images and bad_images.to_json(),
        "seed": args.seed,
        "networks": networks,
    }
    written.append(write_results(args.workdir, "filters", record))
    print(_table(networks))
    print(f"results in {', '.join(map(str, written))}")


def _second_layers(args, classifiers, strides):
    """`SecondLayer` of each network, by a pass over the images; the bad ones."""
    from visualize.figures.filters.second_layer import (
        default_layer,
        look_at_second_layer,
    )
    from visualize.strongest.sample import draw_sample
    from zfkeras.data.files.bad_images import BadImages
    from zfkeras.data.register import open_source

    source = open_source(args.data)
    args.split = source.split_name(args.split)
    split = draw_sample(source.split(args.split), args.max_images, args.seed)
    bad_images = BadImages(max(1, split.num_examples), args.max_bad_fraction)
    seconds = [
        look_at_second_layer(
            classifier,
            args.layer or default_layer(classifier.model),
            split,
            strides,
            seed=args.seed,
            batch_size=args.batch_size,
            state_path=args.workdir / f"scan-{number}.npz",
            data=f"{args.data} {args.split} {args.max_images} {args.seed}",
            bad_images=bad_images,
            show_progress=True,
        )
        for number, classifier in enumerate(classifiers)
    ]
    return seconds, bad_images


def _second_record(second) -> dict:
    """What the images told of a network, for the grids of all that are compared."""
    from zfkeras.records.numbers import json_number

    if second is None:
        return {}
    shares = {
        f"above_1/{2 * max(stride)}_cycles_per_pixel": {
            what: json_number(value) for what, value in share.items()
        }
        for stride, share in second.aliasing.items()
    }
    return {
        "never_active": {
            "rule": "no activation above 0 in any image",
            "count": int(second.silent.sum()),
            "channels": second.silent.nonzero()[0].tolist(),
        },
        "layer_2": {
            "layer": second.layer_name,
            "channels_measured": len(second.channels),
            "share_of_power": shares,
        },
    }


def _table(networks) -> str:
    """One line a network, with its headings above."""
    lines = [
        f"{'network':<24}  dead  silent  largest/median RMS  power low/mid/high %  "
        "layer 2 beyond its stride %"
    ]
    for network in networks:
        silent = network.get("never_active", {}).get("count")
        shares = network["frequency"]["mean_share_of_power"].values()
        limit = f"above_1/{2 * max(network['stride'])}_cycles_per_pixel"
        second = network.get("layer_2", {}).get("share_of_power", {}).get(limit, {})
        lines.append(
            f"{network['label']:<24}  {network['dead']['count']:>4}  "
            f"{'-' if silent is None else silent:>6}  "
            f"{_shown(network['rms']['dominance'], '.2f'):>18}  "
            f"{' / '.join(_shown(share, '.0%') for share in shares):>20}  "
            f"{_shown(second.get('reconstructions'), '.1%')} "
            f"(images {_shown(second.get('images'), '.1%')})"
        )
    return "\n".join(lines)


def _shown(value, form) -> str:
    return "-" if value is None else format(value, form)


def model_labels(names: list[str], labels: list[str] | None) -> list[str]:
    """Names the networks: the given labels, or the preset, file or folder names."""
    from zfkeras.errors import UsageError

    if labels is None:
        paths = [Path(name) for name in names]
        folders = [p.parent.name if p.name == "model.keras" else "" for p in paths]
        return [name or p.stem for name, p in zip(folders, paths, strict=True)]
    if len(labels) != len(names):
        raise UsageError(
            "--label must be given once for each --model, or not at all. "
            f"Received: {len(names)} models, {len(labels)} labels."
        )
    return labels


if __name__ == "__main__":
    sys.exit(main())
