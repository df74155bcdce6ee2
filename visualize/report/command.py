"""The command `python -m visualize.report`: all figures in one offline HTML page."""

import argparse
from pathlib import Path

from visualize.report.settings import ReportSettings
from zfkeras.cli import arguments, command, settings
from zfkeras.records.settings import add_settings, read_settings, settings_to_json

_PICTURES = (".jpg", ".png")


def build_parser() -> argparse.ArgumentParser:
    """Makes the parser of the command."""
    parser = arguments.make_parser(
        "visualize.report",
        "Make every figure of a network and gather them in one HTML page. Each figure "
        "has a folder in the workdir; the page, report.html, also holds the tables and "
        "needs no network connection. Figures made before with the same settings are "
        "used again.",
    )
    add_settings(parser, ReportSettings)
    settings.add(parser, workdir=settings.a_workdir("runs/report"))
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
    gallery = [] if page.gallery is None else [page.gallery]
    return {
        "title": page.title,
        "page": "report.html",
        "settings": settings_to_json(settings),
        "sections": [
            {
                "title": section.title,
                "findings": [*section.ours],
                **_files(section, workdir),
            }
            for section in (*gallery, *page.sections)
        ],
        "left_out": [
            {"title": title, "reason": reason, "failed": title in failed}
            for title, reason in page.missing
        ],
    }


def _files(section, workdir: Path) -> dict:
    """Names the folder of a section, its record and its pictures."""
    folder = section.folder
    records = [folder / f"{section.anchor}.json", folder / "results.json"]
    pictures = [
        path for path in sorted(folder.rglob("[!.]*")) if path.suffix in _PICTURES
    ]

    def named(path):
        inside = path.is_relative_to(workdir)
        return str(path.relative_to(workdir) if inside else path)

    return {
        "folder": named(folder),
        "record": next((named(path) for path in records if path.is_file()), None),
        "pictures": [named(path) for path in pictures],
    }
