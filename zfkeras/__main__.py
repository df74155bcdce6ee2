"""`python -m zfkeras` lists the commands of zfkeras, visualize and transfer."""

import sys

from zfkeras.cli import arguments, command

# Group -> module, as in `python -m MODULE` -> the first sentence of its --help.
COMMANDS = {
    "train and use a network": {
        "zfkeras.train": "Train ZFNet or one of its variants.",
        "zfkeras.evaluate": "Measure the top-1 and top-5 error of one network or of "
        "several together.",
        "zfkeras.predict": "Name what photographs show.",
        "zfkeras.summary": "Print a network's layers, sizes, parameters and receptive "
        "fields.",
        "zfkeras.ablation": "Train the rows of Table 3 under one budget and compare "
        "their errors.",
        "zfkeras.convert": "Convert a ZFNet-like network from ONNX or Caffe, or one of "
        "ours into ONNX.",
        "zfkeras.download": "Download published data sets and networks, for --data "
        "NAME and --model NAME.",
    },
    "look inside it": {
        "visualize.project": "Project the strongest units of a layer to the pixels of "
        "photographs (sec. 2.1).",
        "visualize.report": "Make every figure of a network and gather them in one "
        "HTML page.",
        "visualize.features": "Show what excites each feature map, projected to pixels "
        "(Fig. 2).",
        "visualize.evolution": "Draw how features change during training (Fig. 4).",
        "visualize.invariance": "Measure what shifting, scaling and rotating an image "
        "changes (Fig. 5).",
        "visualize.filters": "Draw and measure the first-layer filters of networks, "
        "side by side (Fig. 6).",
        "visualize.occlusion": "Measure what hiding each part of an image changes "
        "(Fig. 7).",
        "visualize.correspondence": "Measure whether hiding the same part changes "
        "features alike (Table 1).",
        "visualize.beam_features": "Find the strongest activations with many workers "
        "(Apache Beam).",
    },
    "use its features for other images": {
        "transfer.caltech": "Train a linear head on a few images per class (Tables 4, "
        "5 and 7).",
        "transfer.pascal": "Train heads for PASCAL VOC and report average precision "
        "(Table 6).",
        "transfer.tables": "Reproduce Tables 4 to 7 and Fig. 9 of the paper.",
        "transfer.folder": "Train a classifier for the photographs in a folder and "
        "test it.",
        "transfer.overlap": "Find the images of one data set that another one holds, "
        "too.",
        "transfer.beam_features": "Compute features with many workers (Apache Beam).",
    },
}


def overview() -> str:
    """One line for each command, by group."""
    width = max(len(module) for group in COMMANDS.values() for module in group)
    lines = ["ZFNet in Keras: python -m COMMAND --help explains a command."]
    for title, group in COMMANDS.items():
        lines += ["", f"{title}:"]
        for module, summary in group.items():
            lines.append(f"  python -m {module:<{width}}  {summary.rstrip('.')}")
    return "\n".join(lines) + "\n"


def build_parser():
    """The command's arguments: none but --help."""
    parser = arguments.make_parser("zfkeras", "List the commands.")
    parser.format_help = overview
    return parser


def main(argv=None) -> int:
    """Prints the list, as --help does; returns the exit code."""
    words = sys.argv[1:] if argv is None else argv
    return command.run(build_parser(), None, words or ["--help"])


if __name__ == "__main__":
    sys.exit(main())
