"""Makes the figures of a report, each in its folder, and uses them again."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visualize.figures.figure import Figure
from visualize.strongest.searched_images import SCANS
from zfkeras.errors import RunError
from zfkeras.io.files import read_json, read_json_again
from zfkeras.passes.context import Context
from zfkeras.records import Record
from zfkeras.records.settings import settings_to_json


def figure_record(
    figure: Figure,
    context: Context,
    settings: Any,
    inputs: Mapping[str, str],
    overwrite: bool,
) -> tuple[Record, Path]:
    """Makes a figure, unless one of the same settings and inputs is there.

    `inputs` are digests of the network, the images and the files it reads. With
    `overwrite` the passes over the images are repeated, too: images that changed under
    their names are not seen by the key of a pass. Returns record and folder.
    """
    made_with = _digest({"settings": settings_to_json(settings), **inputs})
    context = context.inside(figure.key)
    path = context.folder / f"{figure.key}.json"
    if overwrite or not _serves(path, made_with):
        path.unlink(missing_ok=True)
        if overwrite:
            shutil.rmtree(path.parent / SCANS, ignore_errors=True)
        figure.make(context, settings, made_with)
    return read_record(path), path.parent


def read_record(path: Path) -> Record:
    """Reads a record from JSON; raises RunError if it is damaged."""
    try:
        return Record.from_json(read_json(path))
    except (ValueError, TypeError, KeyError) as err:
        raise RunError(f"{path} is damaged ({err!r}).", argument=str(path)) from err


def _serves(path: Path, made_with: str) -> bool:
    """Returns whether a record was made with these settings and has its pictures."""
    known = read_json_again(path, "making the figure anew")
    if not isinstance(known, dict) or known.get("made_with") != made_with:
        return False
    pictures = known.get("pictures", ())
    return all((path.parent / Path(str(name)).name).is_file() for name in pictures)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
