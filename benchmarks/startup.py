"""How long one waits for `import zfkeras` and for the --help of every command."""

import subprocess
import sys

from benchmarks.comparison import Comparison
from benchmarks.timing import Timing, interleaved

LIMIT = "0.5 s"
COMMANDS = (
    "zfkeras.train",
    "zfkeras.evaluate",
    "zfkeras.predict",
    "zfkeras.summary",
    "zfkeras.ablation",
    "zfkeras.convert",
    "transfer.caltech",
    "transfer.pascal",
    "transfer.tables",
    "transfer.folder",
    "transfer.overlap",
    "visualize.features",
    "visualize.evolution",
    "visualize.invariance",
    "visualize.filters",
    "visualize.occlusion",
    "visualize.correspondence",
    "visualize.report",
)


def run() -> list[Comparison]:
    """The import, and the slowest of all commands."""
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
    ]


def _median_in(times):
    return lambda name: times[name].median


def _run(*words):
    def work():
        subprocess.run([sys.executable, *words], check=True, capture_output=True)

    return work
