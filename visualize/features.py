"""`python -m visualize.features`: what excites each feature map, as in Fig. 2."""

import argparse
import re
import sys

from visualize.arguments import add_layers, add_top
from zfkeras import commandline

DEFAULT_DATA = "shapes"


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = commandline.make_parser(
        "visualize.features",
        "Find the strongest activations of feature maps over a data set and show, as "
        "Fig. 2 of the paper does, what the deconvnet projects them to beside the "
        "patches of the images: a picture a layer, an overview, and features.json.",
    )
    commandline.add_model(parser)
    commandline.add_data(
        parser,
        default_text="shapes; photographs like those it was trained on show more",
    )
    commandline.add_split(parser)
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
    commandline.add_workdir(parser, default="runs/features")
    commandline.add_batch_size(parser, default=128)
    commandline.add_seed(parser)
    commandline.add_max_bad_fraction(parser)
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return commandline.run(build_parser(), _features, argv)


def _channels(text: str) -> int | list[int]:
    """Reads 16 as a number of channels, and 3,17 or 3, as channels, for argparse."""
    if "," not in text:
        return commandline.positive_int(text)
    channels = [int(word) for word in text.split(",") if word.strip()]
    if not channels or min(channels) < 0 or len({*channels}) < len(channels):
        raise argparse.ArgumentTypeError(
            f"must be different channels from 0. Received: {text}"
        )
    return channels


def _features(args):
    from tqdm import tqdm

    from visualize.deconvnet import Deconvnet
    from visualize.objects import mask_finder, said_of_objects
    from visualize.render.features import draw_layer, draw_overview, layer_title
    from visualize.top_activations import TopActivations
    from visualize.top_features import choose_channels, layer_features
    from zfkeras.data.bad_images import BadImages
    from zfkeras.data.sources import open_source
    from zfkeras.models.presets import load
    from zfkeras.provenance import write_record
    from zfkeras.render import save_figure

    source = open_source(args.data or DEFAULT_DATA)
    split = source.split(args.split)
    finder = TopActivations(load(args.model), args.layers, args.top)
    deconvnet = Deconvnet(finder.model)
    deconvnet.require(args.layers)
    commandline.make_folder(args.workdir)
    bad_images = BadImages(max(split.num_examples, 1), args.max_bad_fraction)
    found = finder.scan(
        split,
        batch_size=args.batch_size,
        state_path=args.workdir / "top_activations.npz",
        data=f"{source.spec} {args.split}",
        bad_images=bad_images,
        show_progress=True,
    )
    number = split.num_examples - bad_images.count
    chosen = {
        layer: choose_channels(strongest, args.channels, args.seed)
        for layer, strongest in found.items()
    }
    shown, mask_of = [], mask_finder(source, finder.preprocessing)
    for layer, channels in tqdm(chosen.items(), "project", unit=" layers"):
        features = layer_features(
            finder, deconvnet, layer, found[layer], channels, split, mask_of
        )
        title = f"Strongest activations over {number:,} images: {layer_title(features)}"
        path = args.workdir / picture_name(features)
        save_figure(draw_layer(features, title), path)
        shown.append(features)
    title = f"Strongest activations over {number:,} images"
    save_figure(draw_overview(shown, title), args.workdir / "features.png")
    record = {
        "paper": "Fig. 2",
        "model": str(args.model),
        "data": source.spec,
        "split": args.split,
        "num_images": number,
        "bad_images": bad_images.to_json(),
        "seed": args.seed,
        "picture": "features.png",
        "layers": [
            layer_record(features, found[features.layer], source.class_names)
            for features in shown
        ],
    }
    write_record(args.workdir / "features.json", record)
    for features in shown:
        if features.on_objects is not None:
            print(f"{layer_title(features)}: {said_of_objects(features.on_objects)}")
    print(f"results in {args.workdir}/features.png, one picture a layer, features.json")


def picture_name(features) -> str:
    """The file name of a layer's picture."""
    # What a model's file calls its layers need not do for the name of a file.
    name = re.sub(r"[^\w.-]", "_", features.strongest.layer_name)[:100]
    return (
        f"layer{features.layer}.png"
        if isinstance(features.layer, int)
        else f"{name}.png"
    )


def layer_record(features, strongest, class_names) -> dict:
    """What features.json says of a layer.

    Args:
        features: a `LayerFeatures`.
        strongest: all channels of the layer.
        class_names: of the data.
    """
    from visualize.top_features import mean_num_classes

    number, classes = features.strongest.images.shape[1], len(class_names)
    top, field = features.strongest, features.field
    return {
        "layer": features.layer,
        "layer_name": top.layer_name,
        "picture": picture_name(features),
        "receptive_field": [int(side) for side in field.size],
        "stride": [int(step) for step in field.stride],
        "num_channels": len(strongest.values),
        "num_dead": int(strongest.dead.sum()),
        "mean_num_classes_in_top": mean_num_classes(strongest),
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
                        "class_name": class_names[top.labels[row, place]],
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


if __name__ == "__main__":
    sys.exit(main())
