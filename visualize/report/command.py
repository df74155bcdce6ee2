"""The command `python -m visualize.report`: all figures in one offline HTML page."""

from pathlib import Path

from visualize.report.settings import ReportSettings
from zfkeras.cli.command import Command
from zfkeras.records.settings import settings_to_json

_PICTURES = (".jpg", ".png")


def make_report(settings: ReportSettings) -> None:
    """Makes the figures and writes the page and its record."""
    from visualize.report.gathering import gather
    from visualize.report.page import write_page
    from zfkeras.errors import RunError
    from zfkeras.io.provenance import write_results

    settings, workdir = settings.completed(), settings.workdir
    page, failed = gather(settings)
    path = write_page(page, workdir / "report.html")
    write_results(workdir, "report", _describe(page, settings, failed))
    print(f"report in {path}, {path.stat().st_size / 1e6:.1f} MB")
    if page.live is not None:
        print(f"explorer in {workdir / page.live}")
    if failed:
        raise RunError(
            f"{path} was written without what failed: {', '.join(failed)}. The page "
            "says why."
        )


def _describe(page, settings, failed: list[str]) -> dict:
    """Lists the page's sections with their files, and what was left out."""
    gallery = [] if page.gallery is None else [page.gallery]
    return {
        "title": page.title,
        "page": "report.html",
        "explorer": page.live,
        "settings": settings_to_json(settings),
        "sections": [
            {
                "title": section.title,
                "findings": [*section.ours],
                **_files(section, settings.workdir),
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


REPORT = Command(
    module="visualize.report",
    description="Make every figure of a network and gather them in one HTML page. Each "
    "figure has a folder in the workdir; the page, report.html, also holds the tables "
    "and needs no network connection. Figures made before with the same settings are "
    "used again.",
    settings=ReportSettings,
    work=make_report,
)
build_parser, main = REPORT.build_parser, REPORT.main
