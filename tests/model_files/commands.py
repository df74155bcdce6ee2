"""Runs each command on a model file: it works, or prints one line."""

import contextlib
import importlib
import io
import logging
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from zfkeras.data.register import open_source
from zfkeras.data.sources import shapes

WORKS = "works"
_CLASSES = ("circle", "star")


def make_images(folder: Path) -> Path:
    """Writes a folder of two classes of shapes, eight images each."""
    source = open_source("shapes")
    for name in _CLASSES:
        first = source.class_names.index(name)
        (folder / name).mkdir(parents=True)
        for number in range(8):
            index = first + number * len(source.class_names)
            pixels = shapes.render("train", index, 48)[0]
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def command_lines(images: Path) -> dict[str, list[str]]:
    """Maps each command to small work for it."""
    photograph = str(next((images / _CLASSES[0]).iterdir()))
    data = ["--data", f"folder:{images}", "--split", "train"]
    few = [*data, "--images", photograph]
    return {
        "zfkeras.predict": [photograph],
        "visualize.features": [*data, "--top", "1", "--channels", "2"],
        "visualize.occlusion": [*few, "--patch-stride", "8", "--patch-size", "16"],
        "visualize.filters": [],
        "visualize.invariance": few,
        "visualize.project": [photograph, "--units", "1"],
        "transfer.folder": [str(images)],
    }


def outcome(command: str, arguments: Sequence[str], workdir: Path) -> str:
    """Runs a command; returns "works" or the line that it prints instead.

    Raises what is no such line: a traceback.
    """
    module = importlib.import_module(command)
    errors = io.StringIO()
    more = [] if command == "zfkeras.predict" else ["--workdir", str(workdir)]
    handlers = logging.getLogger().handlers[:]
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        code = module.main([*arguments, *more])
    logging.getLogger().handlers[:] = handlers
    if code == 0:
        return WORKS
    line = errors.getvalue().strip().splitlines()[-1]
    assert code == 2, errors.getvalue()
    return re.sub(r"^.*?: error: ", "", line)
