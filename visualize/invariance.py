"""`python -m visualize.invariance`: features of transformed images, Fig. 5."""

import argparse
import sys

from visualize.arguments import layer_list
from zfkeras import commandline

CLAIM = (
    "Fig. 5 and sec. 4.1: small transformations change layer 1 dramatically and layer "
    "7 much less, near-linearly for translation and scale; the output is stable to "
    "translation and scale, not to rotation, except of rotationally symmetric objects."
)
SMALL_STEP = 1  # amounts away from the identity: 4 of 224 pixels, 5 %, 10 degrees


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = commandline.make_parser(
        "visualize.invariance",
        "Shift images up and down, enlarge and turn them, and draw as Fig. 5 does how "
        "far the features of a low and of a high layer move and what becomes of the "
        "probability of the true class. Distances are Euclidean, divided by the norm "
        "of the original's features. What comes from outside an image is the mean "
        "image; interpolation is bilinear.",
    )
    commandline.add_model(parser)
    parser.add_argument(
        "--images",
        nargs="+",
        metavar="IMAGE",
        help="photographs, folders of them or one zip archive; the class is known "
        "where a file's name begins with a class name or ImageNet id "
        "(n02124075_cat.jpg), else the most probable one is followed",
    )
    commandline.add_data(parser, default_text="shapes, if no --images are given")
    parser.set_defaults(data=None)
    parser.add_argument(
        "--split",
        default="validation",
        help="which split of the data: train, validation or test",
    )
    parser.add_argument(
        "--max-images",
        type=commandline.positive_int,
        default=5,
        metavar="N",
        help="of more images than this, so many are drawn at random, those first whose "
        "class the network names rightly",
    )
    parser.add_argument(
        "--layers",
        type=layer_list,
        default="1,7",
        metavar="LIST",
        help="a column each: the paper's numbers (1 to 7) or names of layers, parted "
        "by commas, lowest first",
    )
    commandline.add_batch_size(parser, default=64)
    commandline.add_seed(parser)
    commandline.add_workdir(parser, default="runs/invariance")
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return commandline.run(build_parser(), _invariance, argv)


def _invariance(args):
    import numpy as np

    from visualize.feature_invariance import FeatureInvariance
    from visualize.render.invariance import draw_invariance
    from visualize.transformations import TRANSFORMATIONS
    from zfkeras.data.crops import centre_crop
    from zfkeras.errors import UsageError
    from zfkeras.models.presets import load
    from zfkeras.provenance import write_record
    from zfkeras.render import save_figure

    if args.images and args.data:
        raise UsageError("give --images or --data, not both.")
    classifier = load(args.model)
    meter = FeatureInvariance(classifier.model, args.layers)
    source, photographs = _photographs(args, classifier)
    commandline.make_folder(args.workdir)
    preprocessing = classifier.preprocessing
    crops = [centre_crop(one.square, preprocessing.crop_size) for one in photographs]
    curves = [
        meter.curves(
            np.stack(crops),
            [one.label for one in photographs],
            transformation,
            mean_image=centre_crop(preprocessing.mean_image, preprocessing.crop_size),
            input_scale=preprocessing.input_scale,
            batch_size=args.batch_size,
            show_progress=True,
        )
        for transformation in TRANSFORMATIONS
    ]
    titles = [
        f"layer {layer}" if isinstance(layer, int) else layer for layer in args.layers
    ]
    names = [classifier.class_names[one.label] for one in photographs]
    figure = draw_invariance(crops, photographs, names, curves, titles)
    picture = save_figure(figure, args.workdir / "invariance.png")
    rows = {one.transformation.name: row_record(one) for one in curves}
    record = {
        "paper": {"figure": "Fig. 5", "claim": CLAIM},
        "model": str(args.model),
        "images_from": source,
        "seed": args.seed,
        "layers": [*meter.layer_names],
        "distance": "Euclidean, divided by the norm of the original's features",
        "border": "mean image (0 after preprocessing), bilinear interpolation",
        "images": [
            {
                "name": one.name,
                "class_name": name,
                "class_is_known": one.is_known,
                "is_named_rightly": one.is_known and one.is_first,
                "probability": one.probability,
            }
            for one, name in zip(photographs, names, strict=True)
        ],
        "summary": summary(rows, titles),
        "transformations": rows,
    }
    written = write_record(args.workdir / "invariance.json", record)
    print("\n".join(record["summary"]))
    print(f"results in {picture}, {written}")


def _photographs(args, classifier):
    """Where the images are from, and the images."""
    from visualize.photographs import choose_photographs, labels_in, open_photographs
    from zfkeras.data.sources import open_source

    if args.images:
        source, labels = " ".join(args.images), None
        split = open_photographs(args.images, classifier.class_names)
    else:
        # The built-in images in the size the network takes.
        size = classifier.preprocessing.image_size
        opened = open_source(args.data or f"shapes:{size}")
        source, labels = opened.spec, labels_in(opened, classifier.class_names)
        split = opened.split(args.split)
    return source, choose_photographs(
        split, classifier, args.max_images, args.seed, labels
    )


def row_record(curves) -> dict:
    """What invariance.json says of a transformation.

    Args:
        curves: an `InvarianceCurves`.
    """
    import numpy as np

    from visualize.feature_invariance import straightness

    transformation = curves.transformation
    amounts = np.abs(transformation.values - transformation.identity)
    order = np.argsort(amounts, kind="stable")
    small = amounts == np.unique(amounts)[SMALL_STEP]
    layers = {}
    for name, distances in zip(curves.layer_names, curves.distances, strict=True):
        mean = distances.mean(axis=0)
        layers[name] = {
            "distances": _rounded(distances),
            "mean_distances": _rounded(mean),
            "largest_mean_distance": _rounded(mean.max()),
            "mean_distance_at_small_step": _rounded(mean[small].mean()),
            "share_of_largest_at_small_step": _rounded(mean[small].mean() / mean.max()),
            "r2_of_line": _rounded(straightness(amounts[order], mean[order])),
        }
    original = curves.probabilities[:, amounts == 0][:, 0]
    return {
        "axis": transformation.axis_label,
        "values": transformation.values.tolist(),
        "small_step": float(amounts[small][0]),
        "layers": layers,
        "probabilities": _rounded(curves.probabilities),
        "mean_probability": _rounded(curves.probabilities.mean()),
        "mean_probability_of_originals": _rounded(original.mean()),
        "share_of_probability_kept": _rounded(
            curves.probabilities.mean() / original.mean()
        ),
        "share_of_copies_named_alike": _rounded(curves.is_first.mean()),
    }


def _rounded(values):
    """As JSON numbers of six digits after the point."""
    import numpy as np

    return np.round(np.asarray(values, np.float64), 6).tolist()


def summary(rows: dict, titles: list[str]) -> list[str]:
    """Sentences that hold the paper's claims against the numbers.

    Args:
        rows: a `row_record` for each transformation, by name.
        titles: what the layers are called, lowest first.
    """
    sentences = []
    for name, row in rows.items():
        shares = [
            f"{title} {100 * layer['share_of_largest_at_small_step']:.0f} % "
            f"(R^2 of a line {layer['r2_of_line']:.2f})"
            for title, layer in zip(titles, row["layers"].values(), strict=True)
        ]
        sentences.append(
            f"{name.capitalize()}: one step ({row['small_step']:g}) already takes the "
            f"features this part of their largest way: {', '.join(shares)}. "
            f"Over all steps {100 * row['share_of_probability_kept']:.0f} % of the "
            f"class's probability is kept, and "
            f"{100 * row['share_of_copies_named_alike']:.0f} % of the copies are named "
            "so."
        )
    return sentences


if __name__ == "__main__":
    sys.exit(main())
