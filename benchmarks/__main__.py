"""`python -m benchmarks`: runs every subject, prints a table, writes JSON."""

import dataclasses
import importlib
import os
import sys
from pathlib import Path

from zfkeras import commandline
from zfkeras.files import write_json

SUBJECTS = ("pooling", "normalization", "training", "top_activations", "growth")


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    parser = commandline.make_parser("benchmarks", __doc__.split(": ", 1)[1])
    parser.add_argument(
        "--subject",
        choices=SUBJECTS,
        action="append",
        help="what to measure; may be repeated (default: everything)",
    )
    parser.add_argument(
        "--workdir",
        type=Path,
        default=Path("runs/benchmarks"),
        metavar="DIR",
        help="folder for results.json",
    )
    return commandline.run(parser, _bench, argv)


def _bench(args):
    from zfkeras.provenance import environment

    results = {}
    for subject in args.subject or SUBJECTS:
        module = importlib.import_module(f"benchmarks.{subject}")
        lines, measured = module.run()
        print("\n".join(lines), flush=True)
        if hasattr(module, "draw"):
            print(f"picture in {module.draw(measured, args.workdir)}")
        results |= {
            name: {key: dataclasses.asdict(value) for key, value in timings.items()}
            for name, timings in measured.items()
        }
    path = args.workdir / "results.json"
    threads = len(os.sched_getaffinity(0))
    write_json(
        path, {"threads": threads, "environment": environment(), "seconds": results}
    )
    print(f"results in {path}")


if __name__ == "__main__":
    sys.exit(main())
