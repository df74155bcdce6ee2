"""Worker processes on loopback, which no test leaves behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time


def free_ports(number: int) -> list[int]:
    """Ports that nobody has at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def tf_config(ports, index: int) -> str:
    """The TF_CONFIG of one of the workers at these ports."""
    workers = [f"127.0.0.1:{port}" for port in ports]
    return json.dumps(
        {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
    )


class WorkerProcesses:
    """Commands started together, one a worker; killed when the block ends."""

    def __init__(self, commands, folder):
        self.commands = commands
        self.folder = folder
        self.processes = []

    def __enter__(self):
        ports = free_ports(len(self.commands))
        self.folder.mkdir(parents=True, exist_ok=True)
        for index, words in enumerate(self.commands):
            with open(self.folder / f"{index}.log", "wb") as log:
                self.processes.append(
                    subprocess.Popen(
                        words,
                        stdout=log,
                        stderr=log,
                        env={**os.environ, "TF_CONFIG": tf_config(ports, index)},
                    )
                )
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()

    def said(self, index: int) -> str:
        """What a worker has printed."""
        return (self.folder / f"{index}.log").read_text(errors="replace")

    def all_said(self) -> str:
        """What all have printed, for messages."""
        return "\n".join(self.said(index)[-3000:] for index in range(len(self)))

    def __len__(self):
        return len(self.processes)

    def wait(self, timeout: float) -> list[int]:
        """The exit codes of all, or a failed test after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        try:
            return [
                process.wait(max(0.1, deadline - time.monotonic()))
                for process in self.processes
            ]
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running:\n{self.all_said()}") from None

    def wait_for(self, path, timeout: float) -> None:
        """Waits until a file is there."""
        deadline = time.monotonic() + timeout
        while not path.exists():
            ended = [p.poll() for p in self.processes if p.poll() is not None]
            late = time.monotonic() > deadline
            assert not ended and not late, f"{ended}:\n{self.all_said()}"
            time.sleep(0.01)

    def kill(self, index: int) -> None:
        """kill -9."""
        self.processes[index].send_signal(signal.SIGKILL)
        self.processes[index].wait()


def run_workers(commands, folder, timeout: float = 900) -> WorkerProcesses:
    """Runs the commands to their end, which must be a good one."""
    with WorkerProcesses(commands, folder) as workers:
        codes = workers.wait(timeout)
        assert codes == [0] * len(codes), f"{codes}:\n{workers.all_said()}"
    return workers


def python(*words) -> list[str]:
    """The command of this interpreter."""
    return [sys.executable, *map(str, words)]
