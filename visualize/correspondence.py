"""`python -m visualize.correspondence`: parts hidden in several images, Table 1."""

import argparse
import sys
from pathlib import Path

from visualize.figures.arguments import layer_list
from zfkeras.cli import arguments, command

CLAIM = (
    "Table 1 and sec. 4.3: hiding the same part changes the signs of layer 5's "
    "features more alike in different dogs than hiding random places does, so the "
    "network relates eyes and noses without being told to; at layer 7 the difference "
    "is small."
)
# Table 1: layer -> mean and deviation of the sign change.
PAPER = {
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


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "visualize.correspondence",
        "Measure whether hiding the same part changes features alike (Table 1). The "
        "part is hidden in several images, and random places are, as in Table 1 and "
        "Fig. 8 of the paper: correspondence.png, .md and .json.",
    )
    arguments.add_model(parser)
    parser.add_argument(
        "--parts",
        type=Path,
        metavar="FILE",
        help='JSON {"parts": {"dog.jpg": {"nose": [x, y], "left_eye": [left, top, '
        "right, bottom], ...}, ...}}: for every image the same parts, as points or "
        "boxes in fractions of width and height, origin at the top left "
        "(default: three spikes of the stars that are built in)",
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="folder or zip with those images (default: the folder of --parts)",
    )
    parser.add_argument(
        "--count",
        type=_two_or_more,
        metavar="N",
        help="images to compare, the first of --parts (default: all; 5 stars)",
    )
    parser.add_argument(
        "--layers",
        type=layer_list,
        metavar="LIST",
        help="whose features are compared: the paper's numbers or names of layers, "
        "parted by commas (default: 5,7, or the last maps and the last vector of "
        "networks that ZFNet does not make)",
    )
    parser.add_argument(
        "--mask-size",
        type=arguments.positive_int,
        metavar="N",
        help="side of the masks on points and of the random ones, in pixels of the "
        "network's input (default: 40 at 224 pixels, in proportion at other sizes)",
    )
    parser.add_argument(
        "--random",
        type=arguments.positive_int,
        default=100,
        metavar="N",
        help="trials with masks at random places, of the parts' sizes",
    )
    arguments.add_workdir(parser, default="runs/correspondence")
    arguments.add_batch_size(parser, default=64)
    arguments.add_seed(parser)
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), make_figure, argv)


def _two_or_more(text: str) -> int:
    """Reads a whole number of at least 2, for argparse."""
    value = int(text)
    if value < 2:
        raise argparse.ArgumentTypeError(f"must be at least 2. Received: {text}")
    return value


def make_figure(args):
    """Draws Table 1 and Fig. 8 and writes its record and picture into the workdir."""
    import numpy as np

    from visualize.figures.correspondence.sign_consistency import measure_sign_changes
    from visualize.figures.correspondence.sign_table import SignTable
    from visualize.images.parts import masks_on, part_title, random_masks
    from visualize.plots.correspondence import draw_correspondence
    from zfkeras.data.crops import centre_crop
    from zfkeras.graph.layer_tensor import lowest_first
    from zfkeras.graph.paper_layers import layer_heading, paper_layer
    from zfkeras.io.files import written_whole
    from zfkeras.io.provenance import write_results
    from zfkeras.models.presets import load
    from zfkeras.plots import save_figure

    classifier = load(args.model)
    model, preprocessing = classifier.model, classifier.preprocessing
    layers = args.layers or [paper_layer(model, number) for number in (5, 7)]
    layers = lowest_first(model, layers)
    images = _images(args, preprocessing)
    side = preprocessing.crop_size
    size = _mask_size(args, side)
    parts = masks_on(images, size, side)
    masks = np.concatenate([parts, random_masks(parts, args.random, side, args.seed)])
    inputs = np.stack([preprocessing.centre_crop(image.square) for image in images])
    command.make_folder(args.workdir)
    changes = measure_sign_changes(
        model,
        inputs,
        masks,
        layers,
        batch_size=args.batch_size,
        show_progress=True,
    )
    names = [part_title(name) for name in images[0].parts]
    table = SignTable(
        names,
        [layer_heading(model, layer) for layer in layers],
        [changes.distances[layer] for layer in layers],
        [changes.changed[layer] for layer in layers],
        [_paper(layer, names) for layer in layers],
    )
    pictures = [centre_crop(image.square, side) for image in images]
    written = [args.workdir / f"correspondence.{kind}" for kind in ("png", "md")]
    save_figure(draw_correspondence(pictures, masks, table), written[0])
    with written_whole(written[1], "w") as file:
        file.write(table.as_markdown() + "\n")
    record = {
        "paper": {"figure": "Table 1 and Fig. 8", "claim": CLAIM},
        "summary": table.summary(),
        "model": str(args.model),
        "parts": None if args.parts is None else str(args.parts),
        "seed": args.seed,
        "mask_size": size,
        "random_trials": args.random,
        "images": [image.name for image in images],
        "layers": table.to_json(),
    }
    written.append(write_results(args.workdir, "correspondence", record))
    print("\n".join([table.as_markdown(), "", *table.summary()]))
    print(f"results in {', '.join(map(str, written))}")


def _paper(layer, names) -> dict:
    """What the paper says of a layer, if it hid one of these parts."""
    known = PAPER.get(layer, {})
    return {} if known.keys().isdisjoint(names) else known


def _images(args, preprocessing):
    from visualize.images.parts import images_with_parts, read_parts, shapes_with_parts
    from zfkeras.errors import UsageError

    if args.parts is None:
        if args.images is not None:
            raise UsageError("--images needs --parts, which says where the parts are.")
        return shapes_with_parts(args.count or 5, preprocessing)
    parts = read_parts(args.parts)
    count = args.count or len(parts)
    if count > len(parts):
        raise UsageError(
            f"--count must be at most {len(parts)}, the images of --parts. "
            f"Received: {count}."
        )
    chosen = dict([*parts.items()][:count])
    folder = args.images or args.parts.absolute().parent
    return images_with_parts(chosen, folder, preprocessing)


def _mask_size(args, side) -> int:
    from zfkeras.errors import UsageError

    if args.mask_size is None:
        return max(1, round(side * 40 / 224))
    if args.mask_size >= side:
        raise UsageError(
            f"--mask-size must be less than {side}, the side of the network's input: "
            f"larger masks hide all of the image. Received: {args.mask_size}."
        )
    return args.mask_size


if __name__ == "__main__":
    sys.exit(main())
