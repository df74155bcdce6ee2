"""The command `python -m visualize.report`: all figures in one offline HTML page."""

import argparse
from pathlib import Path

from visualize.figures.arguments import add_layers
from zfkeras.cli import arguments, command

DEFAULT_DATA = "photographs"
CHANNELS, QUICK_CHANNELS = 16, 6
MAX_IMAGES, QUICK_MAX_IMAGES = 2_000, 300
_PICTURES = (".jpg", ".png")


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "visualize.report",
        "Make every figure of a network and gather them in one HTML page. Each figure "
        "has a folder in the workdir; the page, report.html, also holds the tables and "
        "needs no network connection. Figures made before with the same settings are "
        "used again.",
    )
    arguments.add_model(parser)
    arguments.add_data(
        parser,
        default_text="photographs; images like those it was trained on show more",
    )
    arguments.add_split(parser)
    parser.add_argument(
        "--run",
        type=Path,
        metavar="DIR",
        help="workdir of the network's training, for the evolution of features",
    )
    parser.add_argument(
        "--compare",
        action="append",
        default=[],
        metavar="MODEL",
        help="another network whose first-layer filters stand beside; may be repeated",
    )
    parser.add_argument(
        "--images",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="photographs, or folders of them, for invariance and occlusion; without "
        "it, images of --data",
    )
    parser.add_argument(
        "--parts",
        type=Path,
        metavar="FILE",
        help="JSON with the places of parts in images, for correspondence (default: "
        "spikes of built-in stars)",
    )
    parser.add_argument(
        "--parts-images",
        type=Path,
        metavar="DIR",
        help="folder or zip with those images (default: the folder of --parts)",
    )
    parser.add_argument(
        "--transfer",
        type=Path,
        metavar="DIR",
        help="folder with the tables of transfer to other data sets",
    )
    parser.add_argument(
        "--ablation",
        type=Path,
        metavar="DIR",
        help="workdir of python -m zfkeras.ablation",
    )
    add_layers(parser)
    parser.add_argument(
        "--channels",
        type=arguments.positive_int,
        metavar="N",
        help="channels of each layer in the gallery, drawn at random among the active "
        f"ones (default: {CHANNELS}; with --quick {QUICK_CHANNELS})",
    )
    parser.add_argument(
        "--max-images",
        type=arguments.positive_int,
        metavar="N",
        help="look at no more images than this for a figure, drawn at random "
        f"(default: {MAX_IMAGES}; with --quick {QUICK_MAX_IMAGES})",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small figures, in a minute or two"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="make again what was made before"
    )
    arguments.add_batch_size(parser, default=128)
    arguments.add_seed(parser)
    arguments.add_max_bad_fraction(parser)
    arguments.add_workdir(parser, default="runs/report")
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _report, argv)


def _report(args):
    from visualize.report.gathering import gather
    from visualize.report.page import write_page
    from zfkeras.errors import RunError
    from zfkeras.io.provenance import write_results

    args.data = args.data or DEFAULT_DATA
    args.channels = args.channels or (QUICK_CHANNELS if args.quick else CHANNELS)
    limit = QUICK_MAX_IMAGES if args.quick else MAX_IMAGES
    args.max_images = args.max_images or limit
    page, failed = gather(args)
    path = write_page(page, args.workdir / "report.html")
    write_results(args.workdir, "report", _describe(page, args, failed))
    print(f"report in {path}, {path.stat().st_size / 1e6:.1f} MB")
    if failed:
        raise RunError(
            f"{path} was written without what failed: {', '.join(failed)}. The page "
            "says why."
        )


def _describe(page, args: argparse.Namespace, failed: list[str]) -> dict:
    """Lists the page's sections with their files, and what was left out."""
    folders = {
        "gallery": args.workdir / "features",
        "ablation": args.ablation,
        "training": args.run,
        "transfer": args.transfer,
    }
    made = [(section.anchor, section) for section in page.sections]
    if page.gallery is not None:
        made.insert(0, ("gallery", page.gallery))
    return {
        "title": page.title,
        "model": str(args.model),
        "data": args.data,
        "split": args.split,
        "page": "report.html",
        "sections": [
            {
                "title": section.title,
                "finding": [*section.ours],
                **_files(
                    folders.get(anchor, args.workdir / anchor), anchor, args.workdir
                ),
            }
            for anchor, section in made
        ],
        "left_out": [
            {"title": title, "reason": reason, "failed": title in failed}
            for title, reason in page.missing
        ],
    }


def _files(folder: Path | None, name: str, workdir: Path) -> dict:
    """The folder of a section, its record and its pictures."""
    if folder is None or not folder.is_dir():
        return {"folder": None, "record": None, "pictures": []}
    # A training and transfer's commands have a name of their own for their record.
    own = name in ("training", "transfer")
    record = folder / ("results.json" if own else f"{name}.json")
    pictures = [
        path
        for path in sorted(folder.rglob("[!.]*"))
        if path.suffix in _PICTURES and path.is_file()
    ]
    return {
        "folder": _named(folder, workdir),
        "record": _named(record, workdir) if record.is_file() else None,
        "pictures": [_named(path, workdir) for path in pictures],
    }


def _named(path: Path, workdir: Path) -> str:
    """A path as seen from the workdir, if it lies below it."""
    return str(path.relative_to(workdir) if path.is_relative_to(workdir) else path)

