"""A child process with a memory limit that does jobs; dying or hanging is an answer.

It knows nothing of images; Linux only, for it reads /proc.
"""

import dataclasses
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

_MEGABYTE = 2**20


@dataclasses.dataclass(frozen=True)
class Answer:
    """How a job ended.

    Args:
        value: what it returned, `None` if it did not.
        fault: `None`, or what happened instead: an exception, a death, a hang, or
            something said on stderr.
        cpu_seconds: of the job.
        megabytes: by which the process grew at most.
    """

    value: object
    fault: str | None
    cpu_seconds: float = 0.0
    megabytes: float = 0.0


class WatchedWorker:
    """Does jobs in a child process, which is replaced when it dies or hangs.

    Args:
        make_job: called in the child; returns job(argument) -> value. Can be pickled.
        folder: for what the child says on stderr.
        megabytes: address space it may take beyond what it has at rest.
        seconds: of processor time after which a job is taken to hang; asleep, it may
            take ten times as many by the clock.
    """

    def __init__(
        self, make_job: Callable, folder: Path, megabytes: int, seconds: float
    ):
        self._make_job = make_job
        self._said = Path(folder) / f"stderr-{os.getpid()}.txt"
        self._megabytes = megabytes
        self._seconds = seconds
        self._process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop()
        self._said.unlink(missing_ok=True)

    def do(self, argument) -> Answer:
        """Does one job."""
        if self._process is None:
            self._start()
        said = self._said.stat().st_size
        try:
            self._pipe.send(argument)
            if not self._is_answered():
                self._stop()
                return Answer(None, f"hangs: over {self._seconds:g} s")
            answer = self._pipe.recv()
        except (EOFError, OSError):
            code = self._stop()
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            return Answer(None, f"died: {how} {self._news(said)}".strip())
        news = self._news(said)
        if news and answer.fault is None:
            return dataclasses.replace(answer, fault=f"said: {news}")
        return answer

    def _is_answered(self) -> bool:
        begun, used = time.monotonic(), self._processor_seconds()
        while not self._pipe.poll(0.5):
            if time.monotonic() - begun > 10 * self._seconds:
                return False
            if self._processor_seconds() - used > self._seconds:
                return False
        return True

    def _processor_seconds(self) -> float:
        """What the child has used so far."""
        try:
            status = Path(f"/proc/{self._process.pid}/stat").read_text()
        except OSError:  # it is gone, which the pipe tells, too
            return 0.0
        user, system = status.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def _start(self):
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._said.write_bytes(b"")
        self._process = context.Process(
            target=_work,
            args=(other, self._make_job, self._said, self._megabytes),
            daemon=True,
        )
        self._process.start()
        other.close()
        try:
            self._pipe.recv()  # it is ready
        except EOFError as err:
            self._stop()
            raise RuntimeError(f"no worker: {self._said.read_text()}") from err

    def _stop(self) -> int:
        if self._process is None:
            return 0
        self._process.join(0.2)
        self._process.kill()
        self._process.join()
        code = self._process.exitcode
        self._pipe.close()
        self._process = None
        return code

    def _news(self, start: int) -> str:
        with open(self._said, "rb") as file:
            file.seek(start)
            return " ".join(file.read(400).decode("utf-8", "replace").split())


def _work(pipe, make_job, said, megabytes):
    descriptor = os.open(said, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 2)
    # As a command has them; the default shows each place's warning once only.
    warnings.simplefilter("always")
    job = make_job()
    limit = _status("VmSize") + megabytes * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe.send(None)
    while True:
        try:
            argument = pipe.recv()
        except EOFError:
            return
        pipe.send(_answer(job, argument))
        sys.stderr.flush()


def _answer(job, argument) -> Answer:
    Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM to VmRSS
    before, begun = _status("VmRSS"), time.process_time()
    value = fault = None
    try:
        value = job(argument)
    except Exception as err:
        place = traceback.extract_tb(err.__traceback__)[-1]
        where = f"{os.path.basename(place.filename)}:{place.lineno}"
        fault = f"{type(err).__name__} at {where}: {' '.join(str(err).split())[:200]}"
    seconds = time.process_time() - begun
    grown = max(0, _status("VmHWM") - before) / _MEGABYTE
    return Answer(value, fault, seconds, grown)


def _status(key: str) -> int:
    """A size in bytes from the system's list."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(key):
                return 1024 * int(line.split()[1])
    raise KeyError(key)
