"""`python -m visualize.invariance`: images shifted, scaled and turned, Fig. 5."""

import sys

from visualize.figures.arguments import add_images, layer_list
from zfkeras.cli import arguments, command

DEFAULT_DATA = "photographs:whole"
FILLS = ("mean", "edge", "mirror")
CLAIM = (
    "Fig. 5 and sec. 4.1: small transformations have a dramatic effect in the first "
    "layer and a lesser one in layer 7, which is nearly linear for translation and "
    "scale; the output is stable to both, but not to rotation, except for objects with "
    "rotational symmetry."
)


def build_parser():
    """The command's arguments."""
    parser = arguments.make_parser(
        "visualize.invariance",
        "Measure what shifting, scaling and rotating an image changes (Fig. 5). The "
        "features of a low and a high layer and the probability of the true class are "
        "followed: invariance.png and invariance.json. The ranges are the paper's: "
        "-60 to 60 of 224 pixels, ratio 1 to 1.8, 0 to 350 degrees.",
    )
    arguments.add_model(parser)
    add_images(parser, count=5)
    parser.add_argument(
        "--layers",
        type=layer_list,
        metavar="LIST",
        help="whose features are compared: the paper's numbers or names of layers, "
        "parted by commas (default: 1,7, or the first convolution and the last vector "
        "of networks that ZFNet does not make)",
    )
    parser.add_argument(
        "--fill",
        choices=FILLS,
        default="mean",
        help="what appears where the image ends: the mean image, which the network "
        "reads as 0; the border's pixels repeated; or the image mirrored",
    )
    arguments.add_workdir(parser, default="runs/invariance")
    arguments.add_batch_size(parser, default=64)
    arguments.add_seed(parser)
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), make_figure, argv)


def make_figure(args):
    """Draws Fig. 5 and writes its record and picture into the workdir."""
    import numpy as np

    from visualize.figures.invariance.meter import InvarianceMeter
    from visualize.images.chosen import chosen_images
    from visualize.plots.invariance import draw_invariance
    from zfkeras.data.register import open_source
    from zfkeras.graph.paper_layers import layer_heading, paper_layer
    from zfkeras.io.provenance import write_results
    from zfkeras.models.presets import load
    from zfkeras.plots import save_figure

    source = open_source(args.data or DEFAULT_DATA)
    args.split = source.split_name(args.split)
    classifier = load(args.model)
    model, preprocessing = classifier.model, classifier.preprocessing
    layers = args.layers or [paper_layer(model, number) for number in (1, 7)]
    meter = InvarianceMeter(
        model,
        layers,
        mean_image=preprocessing.mean_image,
        input_scale=preprocessing.input_scale,
        fill=args.fill,
    )
    images = chosen_images(
        classifier,
        source,
        args.split,
        paths=args.images,
        classes=args.classes,
        count=args.count,
        seed=args.seed,
    )
    command.make_folder(args.workdir)
    curves = meter.measure(
        np.stack([image.square for image in images]),
        [image.label for image in images],
        batch_size=args.batch_size,
        show_progress=True,
    )
    labels = [
        image.predicted if image.label is None else image.label for image in images
    ]
    names = [
        classifier.class_names[label]
        + (" (most likely)" if image.label is None else "")
        for image, label in zip(images, labels, strict=True)
    ]
    headings = {layer: layer_heading(model, layer) for layer in layers}
    figure = draw_invariance(meter, curves, images, names, headings)
    picture = save_figure(figure, args.workdir / "invariance.png")
    summary = [_sentence(curve, headings) for curve in curves]
    record = {
        "paper": {"figure": "Fig. 5", "claim": CLAIM},
        "summary": summary,
        "model": str(args.model),
        "data": None if args.images else source.spec,
        "split": None if args.images else args.split,
        "seed": args.seed,
        "fill": args.fill,
        "distance": "Euclidean distance of the features / norm of the features of the "
        "image as it is",
        "images": [
            {
                "image": image.name,
                "class_name": classifier.class_names[label],
                "class_is": "most likely" if image.label is None else "true",
            }
            for image, label in zip(images, labels, strict=True)
        ],
        "transformations": {
            curve.sweep.name: _curve_record(curve, headings) for curve in curves
        },
    }
    file = write_results(args.workdir, "invariance", record)
    print("\n".join(summary))
    print(f"results in {picture} and {file.name}")


def _sentence(curve, headings) -> str:
    """What a transformation does, in a sentence."""
    parts = [
        f"{heading} moves by up to {curve.relative(layer).mean(axis=0).max():.2f} of "
        f"its norm{_half_way(curve, layer)}{_line(curve.linearity(layer))}"
        for layer, heading in headings.items()
    ]
    return (
        f"{curve.sweep.name.capitalize()}: {'; '.join(parts)}. The label stays in "
        f"{curve.same_label():.0%} of the images, the probability of the class is "
        f"{curve.probabilities.mean():.2f} on average, {curve.start().mean():.2f} at "
        "the start."
    )


def _half_way(curve, layer) -> str:
    """Where half of the largest distance is reached, as a value of the sweep."""
    value, unit = curve.sweep.identity + curve.half_way(layer), curve.sweep.unit
    if value != value:
        return ""
    at = f"a ratio of {value:.3g}" if unit == "ratio" else f"{value:.3g} {unit}"
    return f", half of that at {at}"


def _line(r_squared) -> str:
    return "" if r_squared != r_squared else f" (R² of a line: {r_squared:.2f})"


def _curve_record(curve, headings) -> dict:
    from zfkeras.records.numbers import json_number, json_rows

    return {
        "unit": curve.sweep.unit,
        "identity": curve.sweep.identity,
        "values": [round(float(value), 6) for value in curve.sweep.values],
        "layers": {
            heading: {
                "distance": json_rows(curve.relative(layer)),
                "norms": [float(norm) for norm in curve.norms[layer]],
                "half_of_largest_mean_distance_at": json_number(curve.half_way(layer)),
                "r_squared_of_a_line": json_number(curve.linearity(layer)),
            }
            for layer, heading in headings.items()
        },
        "probability": json_rows(curve.probabilities),
        "share_with_the_same_label": curve.same_label(),
        "share_with_the_same_label_by_image": [*map(float, curve.kept())],
    }


if __name__ == "__main__":
    sys.exit(main())
