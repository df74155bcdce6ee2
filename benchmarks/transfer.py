"""A second `python -m transfer.caltech`, its features cached, and the first.

As many images as Caltech-101 has, in as many classes, through the full network with
random weights: what the features are does not matter here. A tenth of the files are
made, the others are links to them.
"""

import os
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


def run() -> list[Comparison]:
    """Whole processes, from the command to its end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photographs(folder / "data/train", FILES, (300, 200), CLASSES)
        for path in [*(folder / "data").rglob("*.jpg")]:
            for number in range(1, COPIES):
                os.link(path, path.with_stem(f"{path.stem}-{number}"))
        untrained().save(folder / "full.keras")
        first, *later = (_seconds(folder, number) for number in range(5))
    return [
        Comparison(
            f"transfer.caltech, layer 7, zfnet, {FILES * COPIES:,} JPEGs of 300x200",
            SECOND,
            {SECOND: summarised(later), FIRST: Timing(first, first, first)},
            {FIRST: 10.0},
        )
    ]


def _seconds(folder, number):
    command = [sys.executable, "-m", "transfer.caltech", "--layer", "7", "--folds", "1"]
    command += ["--data", f"folder:{folder / 'data'}"]
    command += ["--model", str(folder / "full.keras"), "--batch-size", "32"]
    command += ["--cache", str(folder / "cache")]
    command += ["--workdir", str(folder / f"run{number}")]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started
