"""`python -m tests.campaigns.kill`: SIGKILL at random moments, then the same command.

A run is killed, and started again, until it comes to its end by itself; half of the
kills come at a random time, half a little after a file has begun to be written. After
each every file must be whole, and at the end the result must be that of a run that
nobody disturbed.
"""

import collections
import os
import random
import re
import shutil
import signal
import sys
import time
from pathlib import Path

from tests.campaigns.arguments import campaign_parser
from tests.campaigns.jobs import Job, jobs
from tests.campaigns.whole import broken_files, hidden_files
from zfkeras.cli import command
from zfkeras.io.locks import LOCK_NAME

# Kills that a run must stand before it may end by itself; then the next run begins.
_KILLS_A_RUN = 5


def build_parser():
    """The command's arguments."""
    return campaign_parser(
        "kill",
        "Kill training, feature extraction, top-9 scan and report at random moments "
        "and run them again, until they end; look at every file in between and compare "
        "the results with undisturbed ones. Leaves kill.json; exit code 1 if anything "
        "was lost.",
        50,
        "kills over all commands",
    )


def main(argv=None) -> int:
    """Runs the campaign; returns its exit code."""
    return command.run(build_parser(), _campaign, argv)


def _campaign(args):
    from tests.campaigns.reporting import conclude

    command.make_folder(args.workdir)
    place = args.workdir.resolve()
    chosen = [job for job in jobs(place) if args.only in (None, job.name)]
    tries = [args.tries // len(chosen)] * len(chosen)
    tries[0] += args.tries - sum(tries)
    rows = [
        KillCampaign(
            job, place / job.name, random.Random(f"{args.seed} {job.name}")
        ).run(n)
        for job, n in zip(chosen, tries, strict=True)
    ]
    conclude(args.workdir / "kill.json", "SIGKILL", rows)


class KillCampaign:
    """Kills of one command."""

    def __init__(self, job: Job, place: Path, randomness: random.Random):
        self.job, self.place, self.random = job, place, randomness
        self.lost, self.said = [], collections.Counter()
        self.moments = []
        self.kills = 0

    def run(self, tries: int) -> dict:
        """Kills so many times; returns a row of the table."""
        shutil.rmtree(self.place, ignore_errors=True)
        whole = self.place / "undisturbed"
        ended = self.job.command(whole).start(self.place / "logs").finish()
        if ended.code:
            raise RuntimeError(f"{self.job.name}: {ended.said}")
        self.length, self.expected = ended.seconds, self.job.outcome(whole)
        number = 0
        while self.kills < tries:
            self._one_run(self.place / f"run{number}", tries)
            number += 1
        return {
            "fault": f"SIGKILL of {self.job.name}",
            "tries": self.kills,
            "runs": number,
            "lost": self.lost,
            "said": self.said.most_common(4),
            "undisturbed_seconds": round(self.length, 1),
            "moments_seconds": self.moments,
        }

    def _one_run(self, folder: Path, tries: int) -> None:
        """Kills a run, and goes on with it, until it comes to its end."""
        planned = min(_KILLS_A_RUN, tries - self.kills)
        done = 0
        while True:
            running = self.job.command(folder).start(self.place / "logs")
            ended = self._kill(running, folder) if done < planned else running.finish()
            if ended.code != -signal.SIGKILL:
                break
            done += 1
            self.kills += 1
            self._look(folder, ended)
        if not done:  # the machine has become quicker
            self.length = ended.seconds
        self._compare(folder, ended)
        shutil.rmtree(folder, ignore_errors=True)

    def _kill(self, running, folder: Path):
        """Kills it at a random moment, unless it is quicker."""
        at, write = self.random.uniform(0, self.length), self.random.random() < 0.5
        ended = running.wait(at)
        if ended is None and write:
            seen = _under_way(folder)
            ended = running.wait(self.length, lambda: bool(_under_way(folder) - seen))
            time.sleep(self.random.uniform(0, 0.02))
        if ended is None:
            self.moments.append(
                [round(time.monotonic() - running.started, 3), "write" if write else ""]
            )
            running.kill()
            ended = running.wait(60)
        return ended

    def _look(self, folder: Path, ended) -> None:
        self._hear(ended)
        self.lost += [f"kill {self.kills}: {fault}" for fault in broken_files(folder)]
        print(
            f"{self.job.name}: kill {self.kills} after {self.moments[-1][0]} s, "
            f"{len(self.lost)} losses",
            flush=True,
        )

    def _hear(self, ended) -> None:
        for line in ended.lines:
            if "Traceback" in line:
                self.lost.append(
                    f"kill {self.kills}: a traceback: {ended.said[-2000:]}"
                )
            if any(word in line for word in ("resuming at", "on behind", "is damaged")):
                self.said[_anonymous(line, self.place)] += 1

    def _compare(self, folder: Path, ended) -> None:
        """The end of a run: exit code 0, the undisturbed result, nothing left over."""
        self._hear(ended)
        where = f"after {self.kills} kills"
        if ended.code:
            self.lost.append(f"{where}: exit code {ended.code}: {ended.said[-2000:]}")
            return
        self.lost += [f"{where}: {fault}" for fault in broken_files(folder)]
        # The folder of a figure that was done before a kill is not locked again.
        left = sorted(_under_way(folder))
        self.lost += [f"{where}: left over: {path}" for path in left]
        found = self.job.outcome(folder)
        for name in sorted(found.keys() | self.expected.keys()):
            if found.get(name) != self.expected.get(name):
                self.lost.append(f"{where}: another {name}")


def _under_way(folder: Path) -> set[Path]:
    return {path for path in hidden_files(folder) if path.name != LOCK_NAME}


def _anonymous(line: str, place: Path) -> str:
    """A line without what differs from run to run."""
    line = line.replace(str(place), "")
    line = re.sub(r"/run\d+", "DIR", line)
    return re.sub(r"\d+", "N", line)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main())
