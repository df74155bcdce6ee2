"""`python -m tests.campaigns.full_disk`: disks too small for what a command writes.

The disk is a tmpfs of a size between nothing and what the run needs, so the kernel says
no wherever it happens to be full. The command must say so in one line and leave whole
files; with room it must end as if nothing had been. Mounting needs root.
"""

import collections
import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.campaigns.arguments import campaign_parser
from tests.campaigns.jobs import Job, jobs
from tests.campaigns.whole import broken_files, hidden_files
from zfkeras.cli import command
from zfkeras.errors import UsageError


def build_parser():
    """The command's arguments."""
    return campaign_parser(
        "full_disk",
        "Run training, feature extraction, top-9 scan and report on disks that are "
        "too small, then give them room. Leaves full_disk.json; exit code 1 if "
        "anything was lost, or a command did not say what was wrong.",
        20,
        "full disks over all commands",
    )


def main(argv=None) -> int:
    """Runs the campaign; returns its exit code."""
    return command.run(build_parser(), _campaign, argv)


def _campaign(args):
    from tests.campaigns.reporting import conclude

    if os.geteuid():
        raise UsageError("mounting small disks needs root")
    command.make_folder(args.workdir)
    place = args.workdir.resolve()
    chosen = [job for job in jobs(place) if args.only in (None, job.name)]
    rows = [
        _fill_disks(
            job,
            place / job.name,
            args.tries // len(chosen),
            random.Random(f"{args.seed} {job.name}"),
        )
        for job in chosen
    ]
    conclude(args.workdir / "full_disk.json", "a disk that fills", rows)


def _fill_disks(job: Job, place: Path, tries: int, chance: random.Random) -> dict:
    """So many disks of random sizes for one command; a row of the table."""
    logs = place / "logs"
    with disk(place / "disk", None) as folder:
        ended = job.command(folder).start(logs).finish()
        if ended.code:
            raise RuntimeError(f"{job.name}: {ended.said}")
        expected, needed = job.outcome(folder), _kilobytes(folder)
    lost, said, sizes, full = [], collections.Counter(), [], 0
    for number in range(tries):
        # Evenly over what is written in the course of the run.
        size = int(needed * (number + chance.random()) / tries)
        sizes.append(size)
        with disk(place / "disk", size) as folder:
            ended = job.command(folder).start(logs).finish()
            where = f"{size} of {needed} kB"
            lost += [f"{where}: {fault}" for fault in broken_files(folder)]
            if ended.code:
                full += 1
                lost += [f"{where}: {fault}" for fault in _faults(ended)]
                line = ended.lines[-1].partition("error: ")[2]
                said[line.replace(str(folder), "DIR")] += 1
            resize(folder, None)
            again = job.command(folder).start(logs).finish()
            if again.code:
                lost.append(f"{where}, with room: {again.said[-1500:]}")
                continue
            found = job.outcome(folder)
            names = sorted(found.keys() | expected.keys())
            lost += [
                f"{where}: another {name}"
                for name in names
                if found.get(name) != expected.get(name)
            ]
            lost += [f"{where}: left over: {path}" for path in hidden_files(folder)]
    return {
        "fault": f"full disk, {job.name}",
        "tries": full,
        "runs": tries,
        "lost": lost,
        "said": said.most_common(2),
        "needed_kilobytes": needed,
        "sizes_kilobytes": sizes,
    }


def _faults(ended) -> Iterator[str]:
    """What is wrong with how a command ended on a full disk."""
    if ended.code != 1:
        yield f"exit code {ended.code}"
    if "Traceback" in ended.said:
        yield f"a traceback: {ended.said[-2500:]}"
    if "no space left" not in (ended.lines or [""])[-1].lower():
        yield f"the last line is {ended.lines[-1:]}"


@contextlib.contextmanager
def disk(place: Path, kilobytes: int | None) -> Iterator[Path]:
    """A disk of that size, `None` for one that is large enough; gone afterwards."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", _option(kilobytes), "tmpfs", str(place)],
        check=True,
    )
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def resize(place: Path, kilobytes: int | None) -> None:
    """Gives a disk another size."""
    option = f"remount,{_option(kilobytes)}"
    subprocess.run(["mount", "-o", option, str(place)], check=True)


def _option(kilobytes: int | None) -> str:
    # A size of 0 would be no limit at all.
    return "size=1g" if kilobytes is None else f"size={max(kilobytes, 4)}k"


def _kilobytes(folder: Path) -> int:
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize // 1024


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main())
