import contextlib
import errno
import os
import signal
import subprocess
import sys

import pytest

from zfkeras.cli import arguments, settings
from zfkeras.cli import command as running
from zfkeras.errors import RunError
from zfkeras.io import locks
from zfkeras.io.locks import LOCK_NAME, claimed
from zfkeras.records.settings import add_setting

# Claims the folder that it is given, says so, and keeps it until it is killed.
_HOLDER = """
import sys, time
from zfkeras.io.locks import claimed
with claimed(sys.argv[1]):
    print("claimed", flush=True)
    time.sleep(float(sys.argv[2]))
"""
# Adds 1 to the number in a file so many times, in turns with others.
_COUNTER = """
import pathlib, sys
from zfkeras.io.locks import claimed
folder = pathlib.Path(sys.argv[1])
for _ in range(25):
    with claimed(folder, wait=True):
        number = int((folder / "number").read_text())
        (folder / "number").write_text(str(number + 1))
"""


def python(script, *arguments):
    words = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def another_process_in(folder, seconds=60):
    process = python(_HOLDER, folder, seconds)
    try:
        assert process.stdout.readline() == "claimed\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_another_process_is_refused_and_named(tmp_path):
    with another_process_in(tmp_path) as holder, pytest.raises(RunError) as refused:
        with claimed(tmp_path, instead="use another --workdir"):
            raise AssertionError("let in")
    assert refused.value.argument == str(tmp_path)
    assert refused.value.received.startswith(f"process {holder.pid} on ")
    assert "use another --workdir" in str(refused.value)


def test_a_killed_process_leaves_no_lock(tmp_path):
    with another_process_in(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert (tmp_path / LOCK_NAME).exists()
        with claimed(tmp_path):
            holder = (tmp_path / LOCK_NAME).read_text()
            assert holder.startswith(f"process {os.getpid()} on ")
    assert not (tmp_path / LOCK_NAME).exists()


def test_processes_take_turns(tmp_path):
    (tmp_path / "number").write_text("0")
    processes = [python(_COUNTER, tmp_path) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    assert (tmp_path / "number").read_text() == "75"
    assert [path.name for path in tmp_path.iterdir()] == ["number"]


def test_without_locks_there_is_a_warning_and_no_refusal(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with claimed(tmp_path), claimed(tmp_path):
        assert "cannot be locked" in caplog.text


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("old")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK_NAME).symlink_to(precious)
    with pytest.raises(OSError), claimed(tmp_path / "run"):
        pass
    assert precious.read_text() == "old"


def command(work):
    """A command with --workdir that calls `work` with it once it has the folder."""
    parser = arguments.make_parser("test", "A test.")
    add_setting(parser, "workdir", settings.a_workdir(None))

    def run(args):
        running.make_folder(args.workdir)
        work(args.workdir)

    return lambda folder: running.run(parser, run, ["--workdir", str(folder)])


def test_a_command_inside_a_command_may_use_its_workdir_and_others(tmp_path):
    seen = []

    def inner(folder):
        seen.append((folder / LOCK_NAME).exists())

    def outer(folder):
        seen.append(command(inner)(folder))
        seen.append(command(inner)(folder / "below"))
        seen.append((folder / LOCK_NAME).exists())
        seen.append((folder / "below" / LOCK_NAME).exists())

    assert command(outer)(tmp_path) == 0
    assert seen == [True, 0, True, 0, True, False]
    assert not (tmp_path / LOCK_NAME).exists()
