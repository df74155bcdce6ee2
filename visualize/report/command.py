"""The command `python -m visualize.report`: all figures in one offline HTML page."""

import argparse
from pathlib import Path

from visualize.report.settings import ReportSettings
from zfkeras.cli import arguments, command
from zfkeras.records.settings import add_settings, read_settings

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
    add_settings(parser, ReportSettings)
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

    settings = read_settings(ReportSettings, args).completed()
    page, failed = gather(settings, args.workdir)
    path = write_page(page, args.workdir / "report.html")
    described = _describe(page, settings, args.workdir, failed)
    write_results(args.workdir, "report", described)
    print(f"report in {path}, {path.stat().st_size / 1e6:.1f} MB")
    if failed:
        raise RunError(
            f"{path} was written without what failed: {', '.join(failed)}. The page "
            "says why."
        )


def _describe(page, settings, workdir: Path, failed: list[str]) -> dict:
    """Lists the page's sections with their files, and what was left out."""
    folders = {
        "ablation": settings.ablation,
        "training": settings.run,
        "transfer": settings.transfer,
    }
    made = [(section.anchor, section) for section in page.sections]
    if page.gallery is not None:
        made.insert(0, ("gallery", page.gallery))
    return {
        "title": page.title,
        "model": str(settings.model),
        "data": settings.data,
        "page": "report.html",
        "sections": [
            {
                "title": section.title,
                "finding": [*section.ours],
                **_files(folders.get(anchor, workdir / anchor), anchor, workdir),
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
