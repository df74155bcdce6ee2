"""`python -m benchmarks`: ours and the peers in the same run, as JSON and picture.

Each subject runs in a process of its own and leaves DIR/INSTRUCTIONS/SUBJECT.json, so
that results with AVX-512 and with AVX2 stand side by side; a rerun measures only what
is not there yet.
"""

import importlib
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import instructions
from zfkeras.cli import arguments, command
from zfkeras.errors import RunError, UsageError
from zfkeras.io.files import read_json, write_json

SUBJECTS = (
    "pooling",
    "normalization",
    "training",
    "input",
    "features",
    "deconvnet",
    "top_activations",
    "occlusion",
    "heads",
    "transfer",
    "startup",
    "explorer",
)
# Those that take images of the reader's choice.
WITH_DATA = ("top_activations", "transfer")
# Another kind of answer, and long: only when it is asked for.
GROWTH = "growth"

logger = logging.getLogger(__name__)


def build_parser():
    """The command's arguments."""
    parser = arguments.make_parser(
        "benchmarks",
        "Measure ours and what users would pick instead, in turns, in the same run. "
        "Peers that are not installed (requirements-bench.txt) are left out.",
    )
    parser.add_argument(
        "--subject",
        choices=(*SUBJECTS, GROWTH),
        action="append",
        help=f"what to measure, anew; may be repeated (default: all but {GROWTH} that "
        "DIR does not hold yet)",
    )
    parser.add_argument(
        "--data",
        metavar="SPEC",
        help="images of the subject top_activations (default: shapes) or transfer "
        "(default: files that are made)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="measure what DIR holds, too"
    )
    parser.add_argument(
        "--avx2",
        action="store_true",
        help="keep all libraries to AVX2, as on a CPU without AVX-512",
    )
    parser.add_argument(
        "--markdown",
        action="store_true",
        help="measure nothing: print what DIR holds, a table for each set of "
        "instructions",
    )
    parser.add_argument(
        "--workdir",
        type=Path,
        default=Path("runs/benchmarks"),
        metavar="DIR",
        help="folder of results; each set of instructions has a folder in it, with "
        "SUBJECT.json and performance.png",
    )
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _bench, argv)


def _bench(args):
    if args.markdown:
        _print_tables(args.workdir)
        return
    if args.data and (len(args.subject or []) != 1 or args.subject[0] not in WITH_DATA):
        raise UsageError(f"--data needs one --subject: {' or '.join(WITH_DATA)}.")
    if args.avx2:
        instructions.keep_to_avx2()
    workdir = args.workdir / instructions.name_instructions()
    if args.subject and len(args.subject) == 1:
        _measure(args.subject[0], workdir, args.data)
    else:
        _measure_apart(args, workdir)
    comparisons = _found(workdir)
    if comparisons:
        from benchmarks.render import draw_ratios

        print(draw_ratios(comparisons, workdir / "performance.png"))


def _print_tables(workdir):
    from benchmarks.comparison import markdown

    for folder in sorted(path for path in workdir.glob("*") if path.is_dir()):
        if found := _found(folder):
            seconds = sum(record["seconds"] for record in _records(folder))
            print(f"### {folder.name}\n\n{markdown(found)}\n")
            print(f"Measured in {seconds / 60:.0f} minutes.\n")


def _measure_apart(args, workdir):
    """Each subject in a process of its own; one that fails does not stop the others."""
    failed = []
    for subject in args.subject or SUBJECTS:
        if not (args.subject or args.overwrite) and _file(workdir, subject).exists():
            logger.info("%s is there; --overwrite measures it anew", subject)
            continue
        # The process has this one's variables, and so its instructions.
        command = [sys.executable, "-m", "benchmarks", "--subject", subject]
        command += ["--workdir", str(args.workdir)]
        if subprocess.run(command, check=False).returncode:
            failed.append(subject)
    if failed:
        raise RunError(f"these subjects failed: {', '.join(failed)}")


def _measure(subject, workdir, data):
    started = time.perf_counter()
    module = importlib.import_module(f"benchmarks.{subject}")
    if subject == GROWTH:
        lines, results = module.run()
        picture = f"picture in {module.draw(results, workdir)}"
        lines = [*lines, picture]
    else:
        results = module.run(data) if subject in WITH_DATA else module.run()
        lines = [line for comparison in results for line in comparison.lines()]
    print("\n".join(lines), flush=True)
    path = _file(workdir, subject)
    write_json(path, {**_record(results), "seconds": time.perf_counter() - started})
    print(f"results in {path}", flush=True)


def _record(results) -> dict:
    import dataclasses

    from zfkeras.io.provenance import command_line, environment

    def plain(value):
        if dataclasses.is_dataclass(value):
            return dataclasses.asdict(value)
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value]

    return {
        "results": plain(results),
        "threads": len(os.sched_getaffinity(0)),
        "instructions": instructions.describe_instructions(),
        "command": command_line(),
        "environment": environment(),
    }


def _found(folder):
    """The comparisons of all subjects that were measured."""
    from benchmarks.comparison import Comparison

    return [
        Comparison.from_json(result)
        for record in _records(folder)
        for result in record["results"]
    ]


def _records(folder):
    paths = [_file(folder, subject) for subject in SUBJECTS]
    return [read_json(path) for path in paths if path.exists()]


def _file(folder, subject) -> Path:
    return folder / f"{subject}.json"


if __name__ == "__main__":
    sys.exit(main())
