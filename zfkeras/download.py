"""`python -m zfkeras.download NAME`: gets published data sets and networks."""

import argparse
import sys
from pathlib import Path

from zfkeras.cli import arguments, command
from zfkeras.data.published.finding import download_folder, model_path
from zfkeras.data.published.sets import DATA_SETS, NETWORKS, Published


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command's arguments."""
    parser = arguments.make_parser(
        "zfkeras.download",
        "Download published data sets and networks, for --data NAME and --model NAME. "
        "The size is printed first and the checksum is verified. The same command "
        "continues a download that was interrupted (docs/data.md).",
    )
    names = [*DATA_SETS, *NETWORKS]
    parser.add_argument(
        "names",
        nargs="+",
        choices=names,
        metavar="NAME",
        help=f"what to download, one or several of: {', '.join(names)}",
    )
    parser.add_argument(
        "--to",
        type=Path,
        default=download_folder(),
        metavar="DIR",
        help="folder of the data sets; --data NAME looks in another one if the "
        "environment variable ZFKERAS_DATA names it",
    )
    parser.add_argument(
        "--data",
        metavar="SPEC",
        help="for zfnet512: labelled photographs of ImageNet's classes, such as "
        "imagenette, by which its preprocessing is chosen (default: none, and a usual "
        "preprocessing is assumed)",
    )
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _download, argv)


def _download(args):
    from zfkeras.data.published.downloading import describe, download

    for name in dict.fromkeys(args.names):
        if name in NETWORKS:
            print(describe(name, NETWORKS[name]), flush=True)
            path = download_network(name, NETWORKS[name], args.data)
            print(f"--model {name} finds {path}")
        else:
            print(describe(name, DATA_SETS[name]), flush=True)
            paths = download(DATA_SETS[name], args.to)
            print(f"{name} is in {', '.join(map(str, paths))}")
            if args.to != download_folder():
                print(f"for --data {name}: export ZFKERAS_DATA={args.to}")


def download_network(name: str, published: Published, data: str | None = None) -> Path:
    """Downloads a network of the ONNX model zoo and converts it; returns its path."""
    from zfkeras.conversion import converting
    from zfkeras.data.published.downloading import download
    from zfkeras.data.register import open_source

    converting.require_onnx()
    from zfkeras.conversion.choosing import choose_preprocessing

    source = open_source(data) if data else None
    output = model_path(name)
    (file,) = download(published, output.parent)
    chosen = choose_preprocessing(file, source, output.with_suffix(".candidates.json"))
    foreign = converting.read_foreign(file)
    converting.convert_to_keras(
        file, foreign, chosen.settings(), output, converting.Comparison()
    )
    return output


if __name__ == "__main__":
    sys.exit(main())
