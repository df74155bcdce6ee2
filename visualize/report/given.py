"""Checks the files that a report is given, before any work, and digests them."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from visualize.figures.evolution.snapshots import find_snapshots
from visualize.images.chosen import images_below
from visualize.images.parts import images_with_parts, read_parts
from visualize.report.settings import ReportSettings
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.image_file import read_file
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import UsageError
from zfkeras.passes.context import Context

# What lies in the folders of tables.
_TABLES = {
    "ablation": ["ablation.json"],
    "transfer": ["results.json", "*/results.json"],
}


def look_at_given(
    args: ReportSettings, context: Context, preprocessing: Preprocessing
) -> dict[str, str]:
    """Raises for what is not there; maps each argument to a digest of its files."""
    found = {}
    if args.run is not None:
        found["run"] = _digest_of_files(find_snapshots(args.run).values())
    if args.compare:
        found["models"] = _digest_of_files(_networks(args, context))
    if args.images:
        found["images"] = _digest_of_files(_photographs(args.images, preprocessing))
    if args.parts is not None:
        found["parts"] = _digest_of_parts(args, preprocessing)
    elif args.parts_images is not None:
        raise UsageError(
            "--parts-images needs --parts, which says where the parts are.",
            argument="--parts-images",
        )
    for name, patterns in _TABLES.items():
        _check_tables(name, getattr(args, name), patterns)
    return found


def _digest_of_files(paths: Iterable[Path]) -> str:
    """Digests the paths, sizes and times of change of files."""
    digest = hashlib.sha256()
    for path in paths:
        status = os.stat(path)
        digest.update(os.fsencode(path))
        digest.update(f"\0{status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _networks(args, context) -> list[Path]:
    """Loads the networks; returns the paths of those that are files."""
    try:
        context.classifiers((args.model, *args.compare), args)
    except (UsageError, FileNotFoundError) as err:
        raise type(err)(f"--compare: {err}") from err
    return [Path(name) for name in args.compare if Path(name).is_file()]


def _photographs(paths: list[Path], preprocessing) -> list[Path]:
    """Lists the named images and those in the named folders."""
    files = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"--images: there is no {path}.")
        if path.is_dir():
            files += images_below(path)
            continue
        try:
            preprocessing.square(read_file(os.fsencode(path)))
        except (BadImage, OSError) as err:
            raise UsageError(f"--images: {path} is no image: {err}.") from err
        files.append(path)
    return files


def _digest_of_parts(args, preprocessing) -> str:
    """Digests the preprocessed images and the places of their parts."""
    folder = args.parts_images or args.parts.absolute().parent
    try:
        images = images_with_parts(read_parts(args.parts), folder, preprocessing)
    except (UsageError, FileNotFoundError) as err:
        # To the report, --images are other photographs.
        raise type(err)(str(err).replace("--images", "--parts-images")) from err
    digest = hashlib.sha256()
    for image in images:
        digest.update(image.name.encode("utf-8", "surrogateescape"))
        digest.update(np.ascontiguousarray(image.square))
        for part, box in image.parts.items():
            digest.update(f"{part} {box.tolist()}\n".encode("utf-8", "replace"))
    return digest.hexdigest()


def _check_tables(name: str, folder: Path | None, patterns: list[str]) -> None:
    if folder is None:
        return
    if not folder.is_dir():
        raise FileNotFoundError(f"--{name} must be a folder. Received: {folder}.")
    if not any([*folder.glob(pattern)] for pattern in patterns):
        raise UsageError(
            argument=f"--{name}",
            received=folder,
            expected=f"a folder with {' or '.join(patterns)}",
        )
