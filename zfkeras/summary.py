"""`python -m zfkeras.summary`: layers, sizes, parameters and receptive fields."""

import argparse
import sys

from zfkeras.cli import arguments, command


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command's arguments."""
    parser = arguments.make_parser(
        "zfkeras.summary",
        "Print a network's layers, sizes, parameters and receptive fields.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--variant",
        default="zfnet",
        metavar="NAME",
        help="zfnet, alexnet, zfnet_quarter, alexnet_quarter or a row of Table 3 such "
        "as zfnet_b; `list` prints all of them",
    )
    which.add_argument("--model", metavar="MODEL", help="preset or .keras file")
    parser.add_argument(
        "--num-classes",
        type=arguments.positive_int,
        metavar="N",
        help="classes of the softmax, with --variant (default: 1000)",
    )
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _summarize, argv)


def _summarize(args):
    import keras

    from zfkeras.errors import UsageError
    from zfkeras.models.presets import load
    from zfkeras.models.variants import VARIANTS
    from zfkeras.models.zfnet import ZFNet

    if args.model is not None:
        if args.num_classes is not None:
            raise UsageError(
                f"--num-classes is for --variant; {args.model} has its own."
            )
        print(summary(load(args.model).model))
    elif args.variant == "list":
        print("\n".join(VARIANTS))
    else:
        # In this scope variables have shapes, but take no memory.
        with keras.StatelessScope(initialize_variables=False):
            model = ZFNet(args.num_classes or 1000, variant=args.variant)
        print(summary(model))


def summary(model) -> str:
    """Returns a table of a model's layers."""
    from zfkeras.graph.endpoints import endpoints
    from zfkeras.graph.layer_graph import LayerGraph

    graph = LayerGraph(model)
    numbers = {end.layer_name: str(end.number) for end in endpoints(model).values()}
    rows = [("name", "layer", "output", "channels", "parameters", "field", "stride")]
    for call in graph.calls:
        layer, output = call.operation, call.tensor
        spatial = output.shape[1:-1]
        field = graph.field(output) if spatial else None
        rows.append(
            (
                layer.name,
                numbers.get(layer.name, ""),
                "x".join(map(str, spatial)),
                str(output.shape[-1]),
                f"{layer.count_params():,}" if layer.weights else "",
                "x".join(map(str, field.size)) if field else "image",
                str(field.stride[0]) if field else "",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(
        [
            f"{model.name}: {model.count_params():,} parameters; receptive field and "
            "stride in input pixels",
            *lines,
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
