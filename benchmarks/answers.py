"""Holds changed code to the numbers of the code before: `python -m benchmarks.answers`.

It runs a training, Table 7, Fig. 2 and the demo in a checkout, keeps every number that
they write, and compares these with the numbers that another checkout wrote. It does not
measure time.

    python -m benchmarks.answers before.json --checkout ../old
    python -m benchmarks.answers after.json --against before.json
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

#: Name of the run -> words of its command; {out} is the folder of all runs.
RUNS = {
    "train": "zfkeras.train --epochs 2 --workdir {out}/train",
    "demo_transfer": "transfer.caltech --data shapes --layer 7 --n-train-per-class 270 "
    "--folds 1 --cache {out}/cache --workdir {out}/demo_transfer",
    "features": "visualize.features --max-images 300 --channels 6 "
    "--workdir {out}/features",
    "table7": "transfer.tables --data caltech101 --tables 7 --folds 1 "
    "--cache {out}/cache --workdir {out}/table7",
    "report": "visualize.report --quick --max-images 200 --run {out}/train "
    "--transfer {out}/demo_transfer --workdir {out}/report",
}
#: Keys of a record that differ from run to run.
NOT_ANSWERS = {"command", "environment", "checksum", "version"}
NOT_ANSWERS_IN = ("seconds", "per_second", "bytes", "time")
#: Sums in another order differ by about this much.
RELATIVE, ABSOLUTE = 2e-4, 1e-6


def main(argv=None) -> int:
    """Runs, keeps and compares the answers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answers")
    parser.description = __doc__.splitlines()[0]
    parser.add_argument("out", type=Path, help="JSON file for the numbers")
    parser.add_argument("--checkout", type=Path, default=Path("."), metavar="DIR")
    parser.add_argument("--against", type=Path, metavar="JSON")
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        answers = run_all(args.checkout, Path(folder), args.runs)
    args.out.write_text(json.dumps(answers, indent=0))
    print(f"{len(answers)} numbers in {args.out}")
    if args.against is None:
        return 0
    differing = list(differences(json.loads(args.against.read_text()), answers))
    print(*differing[:40], sep="\n")
    print(f"{len(differing)} numbers differ or are missing")
    return 1 if differing else 0


def run_all(checkout: Path, folder: Path, names) -> dict[str, float]:
    """Runs the commands of a checkout; returns run and key -> number."""
    answers = {}
    for name in names:
        words = RUNS[name].format(out=folder).split()
        subprocess.run([sys.executable, "-m", *words], cwd=checkout, check=True)
        for path in sorted((folder / name).rglob("*.json")):
            if path.name != "results.json":  # the same record under a second name
                where = path.relative_to(folder).as_posix()
                answers.update(numbers(json.loads(path.read_text()), where))
        for path in sorted((folder / name).glob("model.keras")):
            answers.update(weights(path, f"{name}/{path.name}"))
    return answers


def numbers(value, where: str) -> Iterator[tuple[str, float]]:
    """Yields (key path, number) for every answer in a record."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            if key not in NOT_ANSWERS and not any(w in key for w in NOT_ANSWERS_IN):
                yield from numbers(one, f"{where}:{key}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from numbers(one, f"{where}:{number}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield where, value


def weights(path: Path, where: str) -> Iterator[tuple[str, float]]:
    """Yields the mean and the norm of each weight of a trained network."""
    import numpy as np

    import zfkeras

    for variable in zfkeras.load(path).model.weights:
        value = np.asarray(variable.value, np.float64)
        yield f"{where}:{variable.path}:mean", float(value.mean())
        yield f"{where}:{variable.path}:norm", float(np.linalg.norm(value))


def differences(before: Mapping, after: Mapping) -> Iterator[str]:
    """Yields a line for each number of before that is missing or other now."""
    for key, value in before.items():
        if key not in after:
            yield f"{key}: {value} is missing"
        elif not math.isclose(value, after[key], rel_tol=RELATIVE, abs_tol=ABSOLUTE):
            yield f"{key}: {value} became {after[key]}"


if __name__ == "__main__":
    sys.exit(main())
