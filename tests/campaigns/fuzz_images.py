"""`python -m tests.campaigns.fuzz_images`: thousands of broken and hostile images.

Each goes the ways that training and prediction go, in a child process whose memory and
time are limited; whatever is not a picture or our own error is a fault, named with the
number that makes the image again. It judges no picture, only that there is one.
"""

import collections
import dataclasses
import functools
import pickle
import sys
from pathlib import Path

from tests.helpers.watched_worker import Answer, WatchedWorker
from zfkeras import commandline

_SIZE = 64  # of the square that the network in the box reads


def build_parser():
    """The command's arguments."""
    parser = commandline.make_parser(
        "tests.campaigns.fuzz_images",
        "Decode mutated JPEG, PNG, GIF, BMP, WebP, TIFF and PPM files and bombs. "
        "With $ZFKERAS_DATA, real photographs are mutated, too. Leaves "
        "fuzz_images.json; exit code 1 if there was a fault.",
    )
    parser.add_argument(
        "--count",
        type=commandline.positive_int,
        default=10_000,
        metavar="N",
        help="images",
    )
    parser.add_argument(
        "--first", type=int, default=0, metavar="N", help="number of the first image"
    )
    parser.add_argument(
        "--keep", action="store_true", help="write the files into --workdir, too"
    )
    parser.add_argument(
        "--megabytes",
        type=commandline.positive_int,
        default=1536,
        metavar="N",
        help="memory an image may cost",
    )
    parser.add_argument(
        "--seconds",
        type=commandline.positive_int,
        default=60,
        metavar="N",
        help="processor time an image may take",
    )
    parser.add_argument(
        "--no-heavy", action="store_true", help="leave out the largest sound images"
    )
    commandline.add_seed(parser)
    commandline.add_workdir(parser, default="runs/fuzz_images")
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return commandline.run(build_parser(), _campaign, argv)


def _campaign(args):
    from tqdm import tqdm

    from tests.helpers.fuzz_seeds import campaign_files
    from tests.helpers.image_bombs import HEAVY
    from zfkeras.errors import RunError
    from zfkeras.provenance import write_record

    commandline.make_folder(args.workdir)
    sound = args.workdir / "sound.pickle"  # ours, made here and read by our own child
    sound.write_bytes(pickle.dumps(campaign_files(8, 256)))
    jobs = [*range(args.first, args.first + args.count)]
    jobs += [] if args.no_heavy else sorted(HEAVY)
    make_job = functools.partial(
        prepared, sound, args.seed, args.workdir.resolve(), args.keep
    )
    tally = Tally()
    limits = {"megabytes": args.megabytes, "seconds": args.seconds}
    with WatchedWorker(make_job, args.workdir, **limits) as worker:
        for job in tqdm(jobs, unit=" images"):
            if isinstance(job, str):  # made out here, where no limits are
                (args.workdir / "large").write_bytes(pickle.dumps(HEAVY[job]()))
            tally.add(job, worker.do(job))
    sound.unlink()
    (args.workdir / "large").unlink(missing_ok=True)
    record = args.workdir / "fuzz_images.json"
    write_record(record, {"seed": args.seed, "limits": limits, **tally.to_json()})
    print(tally.as_table())
    print(f"results in {record}")
    if tally.faults:
        number, fault = next(iter(tally.faults.items()))
        raise RunError(
            f"{len(tally.faults)} of {len(jobs)} images ended otherwise than as a "
            f"picture or a bad image; the first, {number}: {fault}"
        )


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of an image.

    Args:
        kind: its format, before it was harmed.
        harm: what was done to it.
        reason: why it was refused; `None`: it was decoded.
    """

    kind: str
    harm: str
    reason: str | None


def prepared(sound: Path, seed: int, folder: Path, keep: bool):
    """Imports and reads what examining an image takes; returns `job(number)`."""
    import numpy as np

    from tests.helpers.fuzz_harm import Fuzzed, fuzzed
    from tests.helpers.fuzz_seeds import ENDINGS
    from zfkeras.data.preprocessing import Preprocessing

    files = pickle.loads(sound.read_bytes())
    mean_image = np.zeros((_SIZE, _SIZE, 3), np.float32)
    preprocessing = Preprocessing(mean_image, crop_size=56)

    def job(number) -> Outcome:
        if isinstance(number, str):
            kind, data = pickle.loads((folder / "large").read_bytes())
            image = Fuzzed(kind, number, ENDINGS[kind], data)
        else:
            image = fuzzed(number, seed, files)
        path = folder / f"{number if keep else 'image'}{image.ending}"
        path.write_bytes(image.data)
        try:
            return Outcome(image.kind, image.harm, examine(path, preprocessing))
        finally:
            if not keep:
                path.unlink()

    return job


def examine(path: Path, preprocessing) -> str | None:
    """Reads an image in full, as training does and as prediction does.

    Args:
        path: of the file.
        preprocessing: of a network.

    Returns:
        Why the image was refused, `None` if it was decoded.

    Raises:
        AssertionError: what came out is no picture, or the ways disagree.
    """
    import numpy as np

    from zfkeras.data.images import centre_square, decode

    data, size = path.read_bytes(), preprocessing.image_size
    full, _ = _attempt(lambda: decode(data))
    if full is not None:
        assert full.mode == "RGB" and full.width > 0 and full.height > 0, "no picture"
        assert np.asarray(full.crop((0, 0, 9, 9))).shape == (9, 9, 3), "no picture"
    del full
    trained, reason = _attempt(lambda: centre_square(decode(data, size), size))
    predicted, other = _attempt(lambda: preprocessing.square(path))
    if trained is None or predicted is None:
        assert trained is predicted, f"the ways disagree: {reason} and {other}"
        assert other.startswith(reason), f"two reasons: {reason} and {other}"
        assert reason.isprintable() and len(reason) < 60, f"no short phrase: {reason}"
        assert "memory" not in reason, reason
        return reason
    assert trained.dtype == np.uint8 and trained.shape == (size, size, 3)
    assert np.array_equal(trained, predicted), "the ways disagree"
    return None


def _attempt(read):
    """A picture and no reason, or no picture and a reason."""
    from zfkeras.data.bad_images import BadImage

    try:
        return read(), None
    except BadImage as err:
        return None, str(err)


class Tally:
    """What became of all images, by format."""

    def __init__(self):
        self.faults = {}
        self._kinds = collections.defaultdict(_Kind)
        self._reasons = collections.Counter()

    def add(self, number, answer: Answer) -> None:
        """Counts an image."""
        from tests.helpers.fuzz_seeds import KINDS

        fault, outcome = answer.fault, answer.value
        if outcome is None:  # it died or hung: only its number is known
            known = isinstance(number, int)
            kind = KINDS[number % len(KINDS)] if known else "large"
        else:
            kind = outcome.kind if isinstance(number, int) else "large"
        row = self._kinds[kind]
        row.tried += 1
        row.faults += fault is not None
        if fault is not None:
            self.faults[str(number)] = fault
        elif outcome.reason is None:
            row.decoded += 1
        else:
            row.refused += 1
            self._reasons[outcome.reason] += 1
        if answer.cpu_seconds > row.slowest_seconds:
            row.slowest_seconds, row.slowest = answer.cpu_seconds, str(number)
        if answer.megabytes > row.peak_megabytes:
            row.peak_megabytes, row.largest = answer.megabytes, str(number)

    def to_json(self) -> dict:
        """The counts, reasons and faults."""
        return {
            "formats": {k: dataclasses.asdict(v) for k, v in self._kinds.items()},
            "reasons": dict(self._reasons.most_common()),
            "faults": self.faults,
        }

    def as_table(self) -> str:
        """The counts as a Markdown table."""
        lines = [
            "| format | tried | decoded | refused | slowest ms | peak MB | faults |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        for kind, row in self._kinds.items():
            lines.append(
                f"| {kind} | {row.tried:,} | {row.decoded:,} | {row.refused:,} | "
                f"{1000 * row.slowest_seconds:,.0f} | {row.peak_megabytes:.0f} | "
                f"{row.faults} |"
            )
        return "\n".join(lines)


@dataclasses.dataclass
class _Kind:
    tried: int = 0
    decoded: int = 0
    refused: int = 0
    faults: int = 0
    slowest_seconds: float = 0.0
    slowest: str = ""
    peak_megabytes: float = 0.0
    largest: str = ""


if __name__ == "__main__":
    sys.exit(main())
