"""How long one waits for `import zfkeras`, --help of every command, and one answer."""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.comparison import Comparison
from benchmarks.photographs import photograph
from benchmarks.timing import Timing, interleaved
from zfkeras.__main__ import commands

LIMIT, ANSWER_LIMIT = "0.5 s", "3 s"
COMMANDS = tuple(point.module for point in commands().values())


def run() -> list[Comparison]:
    """The import, the slowest of all commands, and one photograph from a cold start."""
    contenders = {"import zfkeras": _run("-c", "import zfkeras")}
    contenders |= {
        f"{command} --help": _run("-m", command, "--help") for command in COMMANDS
    }
    times = interleaved(contenders, repeats=5, warmup=1)
    loaded = "import zfkeras"
    slowest = max((name for name in times if name != loaded), key=_median_in(times))
    limit = {LIMIT: Timing(0.5, 0.5, 0.5)}
    return [
        Comparison(
            "import, a process of its own",
            loaded,
            {loaded: times[loaded]} | limit,
        ),
        Comparison(
            f"--help, the slowest of {len(COMMANDS)} commands",
            slowest,
            {slowest: times[slowest]} | limit,
            {LIMIT: 1.0},
            others={name: timing.median for name, timing in times.items()},
        ),
        _first_answer(),
    ]


def _first_answer() -> Comparison:
    ours, bare = "zfkeras.predict cat.jpg", "import tensorflow"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cat.jpg"
        photograph((500, 375)).save(path)
        times = interleaved(
            {
                ours: _run("-m", "zfkeras.predict", str(path)),
                bare: _run("-c", "import tensorflow"),
            },
            repeats=5,
            warmup=1,
        )
    limit = Timing(3.0, 3.0, 3.0)
    return Comparison(
        "zfkeras.predict of one photograph, a process of its own",
        ours,
        times | {ANSWER_LIMIT: limit},
        {ANSWER_LIMIT: 1.0},
    )


def _median_in(times):
    return lambda name: times[name].median


def _run(*words):
    def work():
        subprocess.run([sys.executable, *words], check=True, capture_output=True)

    return work
