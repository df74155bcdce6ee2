"""A second `python -m transfer.caltech`, its features cached, and the first.

As many images as Caltech-101 has, in as many classes, through the full network with
random weights. Where no data are given a tenth of the files are made, and the others
are links to them; their classes mean nothing, which is the hardest a head can get.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.comparison import Comparison
from benchmarks.features import untrained
from benchmarks.photographs import write_photographs
from benchmarks.timing import Timing, summarised

CLASSES, FILES, COPIES = 102, 1020, 9
SECOND, FIRST = "second run", "first run"


def run(data: str | None = None) -> list[Comparison]:
    """Whole processes, from the command to its end."""
    what = data and data.partition(":")[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if data is None:
            data = _made(folder / "data")
            what = f"{FILES * COPIES:,} JPEGs of 300x200"
        untrained().save(folder / "full.keras")
        first, *later = (_seconds(folder, data, number) for number in range(5))
    return [
        Comparison(
            f"transfer.caltech, layer 7, zfnet, {what}",
            SECOND,
            {SECOND: summarised(later), FIRST: Timing(first, first, first)},
            {FIRST: 10.0},
        )
    ]


def _made(folder) -> str:
    write_photographs(folder / "train", FILES, (300, 200), CLASSES)
    for path in [*folder.rglob("*.jpg")]:
        for number in range(1, COPIES):
            shutil.copyfile(path, path.with_stem(f"{path.stem}-{number}"))
    return f"folder:{folder}"


def _seconds(folder, data, number):
    command = [sys.executable, "-m", "transfer.caltech", "--layer", "7", "--folds", "1"]
    command += ["--data", data]
    command += ["--model", str(folder / "full.keras"), "--batch-size", "32"]
    command += ["--cache", str(folder / "cache")]
    command += ["--workdir", str(folder / f"run{number}")]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started
