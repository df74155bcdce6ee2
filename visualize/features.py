"""`python -m visualize.features`: what excites each feature map, as in Fig. 2."""

import argparse
import sys

from visualize.figures.arguments import add_layers, add_max_images, add_top
from zfkeras.cli import arguments, command

DEFAULT_DATA = "photographs"
NO_CLASS = "unknown class"  # of images without a label, which is -1


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "visualize.features",
        "Show what excites each feature map, projected to pixels (Fig. 2). The "
        "strongest activations over a data set are projected by the deconvnet and "
        "drawn beside the patches of the images: one picture per layer, an overview, "
        "and features.json.",
    )
    arguments.add_model(parser)
    arguments.add_data(
        parser,
        default_text="photographs; images like those it was trained on show more",
    )
    arguments.add_split(parser)
    add_max_images(parser)
    add_layers(parser)
    parser.add_argument(
        "--channels",
        type=_channels,
        default="16",
        metavar="N|LIST",
        help="how many channels of each layer to draw at random among those that are "
        "active, or which ones (3,17,40; 3, with a comma for a single one)",
    )
    add_top(parser)
    arguments.add_workdir(parser, default="runs/features")
    arguments.add_batch_size(parser, default=128)
    arguments.add_seed(parser)
    arguments.add_max_bad_fraction(parser)
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _features, argv)


def _channels(text: str) -> int | list[int]:
    """Reads 16 as a number of channels, and 3,17 or 3, as channels, for argparse."""
    if "," not in text:
        return arguments.positive_int(text)
    channels = [int(word) for word in text.split(",") if word.strip()]
    if not channels or min(channels) < 0 or len({*channels}) < len(channels):
        raise argparse.ArgumentTypeError(
            f"must be different channels from 0. Received: {text}"
        )
    return channels


def _features(args):
    from visualize.figures.features.finder import FeatureFinder
    from visualize.images.objects import said_of_objects
    from visualize.plots.features import draw_layer, draw_overview, layer_title
    from visualize.strongest.sample import draw_sample
    from zfkeras.data.files.bad_images import BadImages
    from zfkeras.data.register import open_source
    from zfkeras.graph.paper_layers import usual_layers
    from zfkeras.io.provenance import write_results
    from zfkeras.models.presets import load
    from zfkeras.plots import save_figure

    source = open_source(args.data or DEFAULT_DATA)
    args.split = source.split_name(args.split)
    split = draw_sample(source.split(args.split), args.max_images, args.seed)
    data = f"{source.spec} {args.split}"  # as beam_features names it
    if args.max_images is not None:
        data += f" {args.max_images} {args.seed}"
    classifier = load(args.model)
    layers = args.layers or usual_layers(classifier.model)
    finder = FeatureFinder(classifier, layers, args.top)
    command.make_folder(args.workdir)
    bad_images = BadImages(max(split.num_examples, 1), args.max_bad_fraction)
    found = finder.find(
        source,
        split,
        args.channels,
        state_path=args.workdir / "top_activations.npz",
        data=data,
        bad_images=bad_images,
        batch_size=args.batch_size,
        seed=args.seed,
    )
    shown, records = [], []
    for features, strongest in found:
        number = split.num_examples - bad_images.count
        title = f"Strongest activations over {number:,} images: {layer_title(features)}"
        path = args.workdir / picture_name(features.layer)
        save_figure(draw_layer(features, title), path)
        shown.append(features)
        records.append(layer_record(features, strongest, source.class_names))
    title = f"Strongest activations over {number:,} images"
    save_figure(draw_overview(shown, title), args.workdir / "features.png")
    record = {
        "paper": "Fig. 2",
        "model": str(args.model),
        "data": source.spec,
        "split": args.split,
        "max_images": args.max_images,
        "num_images": number,
        "bad_images": bad_images.to_json(),
        "seed": args.seed,
        "picture": "features.png",
        "layers": records,
    }
    write_results(args.workdir, "features", record)
    for features in shown:
        if features.on_objects is not None:
            print(f"{layer_title(features)}: {said_of_objects(features.on_objects)}")
    print(f"results in {args.workdir}/features.png, one picture a layer, features.json")


def picture_name(layer: int | str) -> str:
    """The file name of a layer's picture, whatever the layer is called."""
    from zfkeras.io.file_names import layer_stem

    return f"{layer_stem(layer)}.png"


def layer_record(features, strongest, class_names) -> dict:
    """Makes the record of a layer for features.json."""
    from visualize.figures.features.top_features import mean_num_classes
    from zfkeras.records.numbers import json_number

    number, classes = features.strongest.images.shape[1], len(class_names)
    top, field = features.strongest, features.field
    return {
        "layer": features.layer,
        "layer_name": top.layer_name,
        "picture": picture_name(features.layer),
        "receptive_field": [int(side) for side in field.size],
        "knows_receptive_field": features.knows_field,
        "stride": [int(step) for step in field.stride],
        "num_channels": len(strongest.values),
        "num_dead": int(strongest.dead.sum()),
        "mean_num_classes_in_top": json_number(mean_num_classes(strongest)),
        "num_classes_by_chance": classes * (1 - (1 - 1 / classes) ** number),
        "recomputation_error": features.recomputation_error,
        "on_objects": features.on_objects,
        "features": [
            {
                "channel": int(channel),
                "top": [
                    {
                        "activation": float(top.values[row, place]),
                        "image_id": features.ids[row][place],
                        "image": int(top.images[row, place]),
                        "label": int(top.labels[row, place]),
                        "class_name": _class_name(class_names, top.labels[row, place]),
                        "position": top.positions[row, place].tolist(),
                        "box": features.boxes[row, place].tolist(),
                    }
                    for place in range(number)
                    if features.is_shown[row, place]
                ],
            }
            for row, channel in enumerate(features.channels)
        ],
    }


def _class_name(class_names, label) -> str:
    """In words, as people read it; the label itself stands beside."""
    return class_names[label] if label >= 0 else NO_CLASS


if __name__ == "__main__":
    sys.exit(main())
