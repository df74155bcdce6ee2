"""Commands in processes of their own that begin at once.

TensorFlow takes longer to import than a small run takes. It is imported here once, and
never used; each command is a fork of this process that then runs as if it had been
started by hand: it has its own session, its own temporary folder and its own output.
"""

import dataclasses
import importlib
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

# Seconds between two looks at a process.
_POLL = 0.002


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    said: str
    seconds: float

    @property
    def lines(self) -> list[str]:
        """What it said, without progress bars, a line an entry."""
        lines = [line.rpartition("\r")[2] for line in self.said.split("\n")]
        return [line.rstrip() for line in lines if line.strip() and "%|" not in line]


@dataclasses.dataclass(frozen=True)
class Command:
    """A command of the project."""

    module: str
    arguments: Sequence[str]
    prepare: Callable[[], None] = lambda: None

    def start(self, folder: Path) -> "Running":
        """Starts it."""
        warm_up()
        temporary = Path(folder) / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        log = Path(folder) / "said.txt"
        sys.stdout.flush(), sys.stderr.flush()
        pid = os.fork()
        if not pid:
            self._run(log, temporary)
        return Running(pid, log)

    def _run(self, log: Path, temporary: Path) -> None:
        code = 70
        try:
            os.setsid()
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(output, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.environ["TMPDIR"], tempfile.tempdir = str(temporary), None
            sys.argv = [self.module, *self.arguments]
            self.prepare()
            code = importlib.import_module(self.module).main([*self.arguments])
        except BaseException:
            traceback.print_exc()
            code = 1
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)


class Running:
    """A command under way."""

    def __init__(self, pid: int, log: Path):
        self.pid, self.log = pid, log
        self.started = time.monotonic()

    def kill(self) -> None:
        """Ends it as a power cut would: it can do nothing more."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False):
        """Waits for its end; `None` if it goes on after so long or until `until()`."""
        deadline = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                said = self.log.read_text("utf-8", "replace")
                elapsed = time.monotonic() - self.started
                return Ended(os.waitstatus_to_exitcode(status), said, elapsed)
            if time.monotonic() >= deadline or until():
                return None
            time.sleep(_POLL)

    def finish(self, seconds: float = 1800) -> Ended:
        """Waits for its end, which must come."""
        ended = self.wait(seconds)
        if ended is None:
            self.kill()
            self.wait(60)
            raise TimeoutError(f"{self.log}: no end after {seconds} s")
        return ended


def warm_up() -> None:
    """Imports what commands import, and starts nothing of TensorFlow's."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in (
        "transfer.experiments.caltech",
        "visualize.report.gathering",
        "visualize.figures.features.plot",
        "zfkeras.training.run",
    ):
        importlib.import_module(name)
