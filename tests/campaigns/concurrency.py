"""`python -m tests.campaigns.concurrency`: two processes on one workdir or cache.

For one workdir the second is refused and the first is not disturbed; for one cache of
features it waits and finds what the first has computed. A holder that is killed holds
nothing any more.
"""

import os
import random
import shutil
import sys
import time
from pathlib import Path

from tests.campaigns.arguments import campaign_parser
from tests.campaigns.jobs import Job, jobs
from tests.campaigns.processes import Command, Ended
from tests.campaigns.whole import broken_files, hidden_files
from zfkeras import commandline
from zfkeras.locks import LOCK_NAME


def build_parser():
    """The command's arguments."""
    return campaign_parser(
        "concurrency",
        "Start training, feature extraction, top-9 scan and report twice at once. "
        "Leaves concurrency.json; exit code 1 if anything was lost, or the second "
        "process was not told.",
        10,
        "pairs over all commands",
    )


def main(argv=None) -> int:
    """Runs the campaign; returns its exit code."""
    return commandline.run(build_parser(), _campaign, argv)


def _campaign(args):
    from tests.campaigns.reporting import conclude

    commandline.make_folder(args.workdir)
    place = args.workdir.resolve()
    chosen = [job for job in jobs(place) if args.only in (None, job.name)]
    rows = []
    kinds = len(chosen) + any(job.name == "transfer.caltech" for job in chosen)
    for job in chosen:
        tries = max(1, args.tries // kinds)
        pairs = _Pairs(job, place / job.name, random.Random(f"{args.seed} {job.name}"))
        rows.append(pairs.refused(tries))
        if job.name == "transfer.caltech":
            rows.append(pairs.waiting(tries))
    conclude(args.workdir / "concurrency.json", "two at once", rows)


class _Pairs:
    """Pairs of processes of one command."""

    def __init__(self, job: Job, place: Path, chance: random.Random):
        self.job, self.place, self.chance = job, place, chance
        shutil.rmtree(place, ignore_errors=True)
        ended = self._start(place / "undisturbed").finish()
        if ended.code:
            raise RuntimeError(f"{job.name}: {ended.said}")
        self.expected = job.outcome(place / "undisturbed")

    def refused(self, tries: int) -> dict:
        """One workdir for both; the last first one is killed, and run again."""
        lost, said = [], {}
        for number in range(tries):
            folder = self.place / f"pair{number}"
            first = self._start(folder)
            _wait_for(folder / "run" / LOCK_NAME)
            time.sleep(self.chance.uniform(0, 1))
            second = self._start(folder, "second").finish()
            if first.wait(0) is None:
                lost += self._told(number, second, "is in use by process", said, 1)
            if number == tries - 1:
                first.kill()
                first.wait(60)
                first = self._start(folder)
            lost += self._end(number, folder, first.finish())
        return self._row("workdir", tries, lost, said)

    def waiting(self, tries: int) -> dict:
        """One cache for both, and a workdir each; begun within a second."""
        lost, said = [], {}
        for number in range(tries):
            folder = self.place / f"cache{number}"
            first = self._start(folder)
            time.sleep(self.chance.uniform(0, 1))
            command = self.job.command(folder)
            words = [
                word.replace(f"{folder}/run", f"{folder}/run2")
                for word in command.arguments
            ]
            other = Command(command.module, words, command.prepare)
            second = other.start(self.place / "second")
            ended = [first.finish(), second.finish()]
            who = ended[0] if "waiting for" in ended[0].said else ended[1]
            lost += self._told(number, who, "waiting for process", said, 0)
            lost += self._end(number, folder, ended[0])
            if ended[1].code:
                lost.append(f"pair {number}: {ended[1].said[-1500:]}")
            shutil.rmtree(folder / "run", ignore_errors=True)
            if (folder / "run2").exists():
                (folder / "run2").rename(folder / "run")
                lost += self._end(number, folder, ended[1])
        return self._row("cache", tries, lost, said)

    def _start(self, folder: Path, logs: str = "logs"):
        return self.job.command(folder).start(self.place / logs)

    def _told(self, number, ended: Ended, words: str, said: dict, code: int) -> list:
        lines = [line for line in ended.lines if words in line]
        if ended.code != code or len(lines) != 1 or "Traceback" in ended.said:
            return [f"pair {number}: exit code {ended.code}: {ended.said[-1500:]}"]
        line = lines[0].partition("error: ")[2] or lines[0]
        said.setdefault(words, line.replace(str(self.place), ""))
        return []

    def _end(self, number, folder: Path, ended: Ended) -> list:
        """What is wrong at the end of a pair."""
        if ended.code:
            return [f"pair {number}: exit code {ended.code}: {ended.said[-1500:]}"]
        found = self.job.outcome(folder)
        names = sorted(found.keys() | self.expected.keys())
        return [
            *broken_files(folder),
            *(f"pair {number}: left over: {path}" for path in hidden_files(folder)),
            *(
                f"pair {number}: another {name}"
                for name in names
                if found.get(name) != self.expected.get(name)
            ),
        ]

    def _row(self, what: str, tries: int, lost: list, said: dict) -> dict:
        fault = f"two of {self.job.name} on one {what}"
        return {
            "fault": fault,
            "tries": tries,
            "lost": lost,
            "said": [(line, tries) for line in said.values()],
        }


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 300
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main())
