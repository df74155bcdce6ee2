"""`python -m visualize.evolution`: how features change during training, Fig. 4."""

import argparse
import sys
from pathlib import Path

from visualize.figures.arguments import add_layers, add_max_images
from zfkeras.cli import arguments, command

PAPER = {
    "epochs": [1, 2, 5, 10, 20, 30, 40, 64],
    "claim": "Fig. 4 and sec. 4: the lower layers converge within a few epochs, the "
    "upper ones only after 40 to 50; sudden jumps come from a change of the image that "
    "gives the strongest activation.",
}


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "visualize.evolution",
        "Draw how features change during training (Fig. 4). For some channels of each "
        "layer, the strongest activation over the training images at each snapshot is "
        "projected to pixels, and when each layer settles is measured.",
    )
    parser.add_argument(
        "--run",
        type=Path,
        required=True,
        metavar="DIR",
        help="workdir of a training, whose snapshots/epoch-NNN.keras are compared",
    )
    arguments.add_data(parser)
    arguments.add_split(parser, "train")
    add_max_images(parser)
    add_layers(parser)
    parser.add_argument(
        "--epochs",
        nargs="+",
        type=arguments.positive_int,
        metavar="N",
        help="epochs to compare (default: all that were kept)",
    )
    parser.add_argument(
        "--channels",
        type=arguments.positive_int,
        default=6,
        metavar="N",
        help="channels of each layer, drawn at random among the active ones",
    )
    parser.add_argument(
        "--probes",
        type=arguments.positive_int,
        default=32,
        metavar="N",
        help="images on which the nearness of snapshots is measured",
    )
    arguments.add_max_bad_fraction(parser)
    arguments.add_batch_size(parser, default=128)
    arguments.add_seed(parser)
    arguments.add_workdir(parser, default="runs/evolution")
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), make_figure, argv)


def make_figure(args):
    """Draws Fig. 4 and writes its record and picture into the workdir."""
    from visualize.figures.evolution.history import FeatureHistory
    from visualize.figures.evolution.snapshots import find_snapshots
    from visualize.strongest.sample import draw_sample, load_probes
    from zfkeras.data.files.bad_images import BadImages
    from zfkeras.data.register import open_source
    from zfkeras.graph.paper_layers import layer_heading, usual_layers
    from zfkeras.models.presets import load

    snapshots = find_snapshots(args.run, args.epochs)
    source = open_source(args.data)
    args.split = source.split_name(args.split, "train")
    split = source.split(args.split)
    classifier = load([*snapshots.values()][-1])
    history = FeatureHistory(
        classifier,
        snapshots,
        args.layers or usual_layers(classifier.model),
        num_channels=args.channels,
        seed=args.seed,
        batch_size=args.batch_size,
    )
    command.make_folder(args.workdir)
    images = draw_sample(split, args.max_images, args.seed)
    bad_images = BadImages(max(1, images.num_examples), args.max_bad_fraction)
    probes = draw_sample(split, args.probes, args.seed)
    probes = load_probes(probes, classifier.preprocessing, bad_images)
    layers = history.follow(
        images,
        probes,
        scans=args.workdir / "scans",
        data=f"{args.data} {args.split} {args.max_images} {args.seed}",
        bad_images=bad_images,
        show_progress=True,
    )
    headed = {
        layer_heading(classifier.model, layer): history
        for layer, history in layers.items()
    }
    _write(args, [*snapshots], images, headed, bad_images, len(probes))


def _write(args, epochs, images, headed, bad_images, num_probes):
    """Picture, record and the last lines on the screen; histories by their headings."""
    import numpy as np

    from visualize.plots.evolution import draw_evolution
    from visualize.strongest.sample import examples_at
    from zfkeras.io.provenance import write_results
    from zfkeras.plots import save_figure

    layers = headed.values()
    places = np.concatenate([layer.images.ravel() for layer in layers])
    examples = examples_at(images, places)
    name = Path(args.data).name  # a path may be as long as it likes
    split = "training" if args.split == "train" else args.split
    looked_at = f"{images.num_examples:,} {split} images of {name}"
    record = {
        "run": str(args.run),
        "data": args.data,
        "split": args.split,
        "images": images.num_examples,
        "bad_images": bad_images.to_json(),
        "probes": num_probes,
        "seed": args.seed,
        "epochs": epochs,
        "paper": PAPER,
        "layers": {
            layer.layer_name: _layer_record(heading, layer, examples)
            for heading, layer in headed.items()
        },
    }
    figure = draw_evolution(
        epochs,
        {heading: layer.reconstructions for heading, layer in headed.items()},
        {heading: layer.channels for heading, layer in headed.items()},
        {heading: layer.images for heading, layer in headed.items()},
        title=f"Strongest activation of a channel over {looked_at}, projected",
        similarity={heading: layer.to_last for heading, layer in headed.items()},
    )
    picture = save_figure(figure, args.workdir / "evolution.png")
    file = write_results(args.workdir, "evolution", record)
    print(_table(headed))
    print(f"results in {picture} and {file.name}")


def _layer_record(heading, layer, examples) -> dict:
    from zfkeras.records.numbers import json_number

    return {
        "heading": heading,
        "cosine_to_next": [json_number(value) for value in layer.to_next],
        "cosine_to_last": [json_number(value) for value in layer.to_last],
        "share_of_channels_with_another_image": [*layer.changed],
        "settled_epoch": layer.settled,
        "channels": {
            str(channel): [
                {
                    "epoch": epoch,
                    "activation": float(layer.activations[row, column]),
                    "image": examples[int(layer.images[row, column])]["id"],
                    "position": layer.positions[row, column].tolist(),
                }
                for column, epoch in enumerate(layer.epochs)
            ]
            for row, channel in enumerate(layer.channels)
        },
    }


def _table(headed) -> str:
    lines = [
        "layer: cosine to the last snapshot at each epoch; channels with another "
        "strongest image than before; settled"
    ]
    for heading, layer in headed.items():
        pairs = zip(layer.epochs, layer.to_last, strict=True)
        cosines = "  ".join(f"{epoch}: {value:.2f}" for epoch, value in pairs)
        changed = "  ".join(f"{100 * share:.0f} %" for share in layer.changed)
        lines.append(f"{heading:<16} {cosines}   {changed}   {layer.settled}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
