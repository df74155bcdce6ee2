"""The record of a report in results.json: sections, and figures left out.

It describes a page that has been made; it makes nothing.
"""

import argparse
from pathlib import Path

from visualize.page import Page

_PICTURES = (".jpg", ".png")


def describe_report(page: Page, args: argparse.Namespace, failed: list[str]) -> dict:
    """Lists the sections of a report's page with the files behind them.

    Args:
        page: the report's.
        args: as `visualize.report.build_parser` reads them.
        failed: titles of figures that failed, a part of `page.missing`.

    Returns:
        {"sections": [{"title", "finding", "folder", "record", "pictures"}], "left_out":
        [{"title", "reason", "failed"}]} and what the report is of. Paths below the
        workdir are relative to it; "folder" and "record" are `None` where there is
        none.
    """
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
