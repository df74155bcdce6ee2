"""`python -m visualize.occlusion`: what hiding parts of an image does, as in Fig. 7."""

import argparse
import sys

from visualize.figures.arguments import add_images, layer
from zfkeras.cli import arguments, command

DEFAULT_DATA = "photographs:whole"
CLAIM = (
    "Fig. 7 and sec. 4.2: the probability of the class falls where the square hides "
    "the object, so the network finds it and does not live on its surroundings; the "
    "activation of a feature map falls where its projection shows something, so the "
    "projection is true to the image."
)


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "visualize.occlusion",
        "Measure what hiding each part of an image changes (Fig. 7). A grey square "
        "slides over the image; maps show the activation of one feature map, the "
        "probability of the class and the most likely label, beside what the deconvnet "
        "projects the feature map to: occlusion.png and occlusion.json.",
    )
    arguments.add_model(parser)
    add_images(parser, count=3)
    parser.add_argument(
        "--layer",
        type=layer,
        metavar="LAYER",
        help="whose feature map is watched: the paper's number or a layer's name "
        "(default: 5, or the last maps of networks that ZFNet does not make)",
    )
    parser.add_argument(
        "--channel",
        type=int,
        metavar="N",
        help="which feature map, from 0 (default: the one with the strongest "
        "activation in the unoccluded image)",
    )
    parser.add_argument(
        "--patch-size",
        type=arguments.positive_int,
        metavar="N",
        help="side of the square in pixels of the network's input (default: 50 at 224 "
        "pixels, in proportion at other sizes)",
    )
    parser.add_argument(
        "--patch-stride",
        type=arguments.positive_int,
        metavar="N",
        help="step between squares in pixels, at most their side; where they do not "
        "end at the border, a last one stands flush with it (default: 8 at 224 pixels, "
        "in proportion)",
    )
    parser.add_argument(
        "--fill",
        type=_grey,
        metavar="N",
        help="grey of the square, 0 to 255 (default: the mean image, which the network "
        "reads as 0)",
    )
    parser.add_argument(
        "--max-images",
        type=arguments.positive_int,
        metavar="N",
        help="search the three other images of column c in a random sample of --data "
        "this large (default: in all of the split)",
    )
    arguments.add_max_bad_fraction(parser)
    arguments.add_workdir(parser, default="runs/occlusion")
    arguments.add_batch_size(parser, default=16)
    arguments.add_seed(parser)
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), make_figure, argv)


def _grey(text: str) -> float:
    """Reads a number from 0 to 255, for argparse."""
    value = float(text)
    if not 0 <= value <= 255:
        raise argparse.ArgumentTypeError(f"must be from 0 to 255. Received: {text}")
    return value


def make_figure(args):
    """Draws Fig. 7 and writes its record and picture into the workdir."""
    from visualize.figures.occlusion.rows import make_rows
    from visualize.images.chosen import chosen_images
    from visualize.plots.occlusion import draw_occlusion
    from visualize.strongest.sample import draw_sample
    from zfkeras.data.files.bad_images import BadImages
    from zfkeras.data.register import open_source
    from zfkeras.io.provenance import write_results
    from zfkeras.models.presets import load
    from zfkeras.plots import save_figure

    source = open_source(args.data or DEFAULT_DATA)
    args.split = source.split_name(args.split)
    classifier = load(args.model)
    images = chosen_images(
        classifier,
        source,
        args.split,
        paths=args.images,
        classes=args.classes,
        count=args.count,
        seed=args.seed,
    )
    searched = draw_sample(source.split(args.split), args.max_images, args.seed)
    bad_images = BadImages(max(1, searched.num_examples), args.max_bad_fraction)
    rows = make_rows(
        classifier,
        images,
        source,
        args.split,
        layer=args.layer,
        channel=args.channel,
        patch_size=args.patch_size,
        patch_stride=args.patch_stride,
        fill=args.fill,
        max_images=args.max_images,
        bad_images=bad_images,
        batch_size=args.batch_size,
        seed=args.seed,
        workdir=args.workdir,
    )
    summary = sentences_on(rows)
    figure = draw_occlusion(rows, classifier.class_names)
    picture = save_figure(figure, args.workdir / "occlusion.png")
    record = {
        "paper": {"figure": "Fig. 7", "claim": CLAIM},
        "summary": summary,
        "model": str(args.model),
        "data": source.spec,
        "split": args.split,
        "bad_images": bad_images.to_json(),
        "seed": args.seed,
        "fill": "mean image" if args.fill is None else args.fill,
        "images": [row.to_json(classifier.class_names) for row in rows],
    }
    file = write_results(args.workdir, "occlusion", record)
    print("\n".join(summary))
    print(f"results in {picture} and {file.name}")


def sentences_on(rows) -> list[str]:
    """Describes the rows of the figure in sentences."""
    import numpy as np

    sentences = []
    for row in rows:
        maps, name = row.maps, f"{row.title} {row.note}".strip()
        sentences.append(
            f"{name}: probability {maps.probability:.2f} as it is, "
            f"{maps.probabilities.min():.2f} under the worst square; the map's "
            f"activation {_fall_of_activation(row)}; another label under "
            f"{np.mean(maps.labels != maps.predicted):.0%} of the squares."
        )
    lifts = [row.lift for row in rows if row.lift is not None]
    if lifts:
        sentences.append(
            "Where the map's projection has its energy, hiding the image lowers the "
            f"map's activation {np.mean(lifts):.1f} times as much as on average."
        )
    known = [row for row in rows if row.on_object is not None]
    if known:
        sentences.append(_on_objects(known))
    return sentences


def _fall_of_activation(row) -> str:
    share = row.lowest_activation
    if share is not None:
        return f"falls to {share:.0%}"
    maps = row.maps
    return f"is {maps.activation:.3g}, {maps.activations.min():.3g} at the lowest"


def _on_objects(rows) -> str:
    """Where the probability falls, over the images whose object is known."""
    import numpy as np

    from visualize.figures.occlusion.localization import shares_on

    known = [row.on_object for row in rows]
    shares = shares_on(
        np.stack([row.fall for row in rows]),
        np.stack([row.image.mask for row in rows]),
    )
    is_own = np.eye(len(rows), dtype=bool)
    falls = ~np.isnan(shares)
    if not falls.any():
        return f"In no image of {len(known)} does the probability fall."
    others = ""
    if len(rows) > 1:
        others = f" ({shares[falls & ~is_own].mean():.0%} on the others' objects)"
    hits = np.mean([one["worst_square_on_object"] for one in known])
    area = np.mean([one["area_under_curve"] for one in known])
    return (
        f"In {len(known)} images that the network gets right the object covers "
        f"{np.mean([one['chance'] for one in known]):.0%} of the image; "
        f"{shares[falls & is_own].mean():.0%} of the fall of the probability lies on "
        f"it{others}, and the worst square of {hits:.0%}; area under the curve "
        f"{area:.2f} (chance: 0.5)."
    )


if __name__ == "__main__":
    sys.exit(main())
