import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile

import pytest
import tensorflow as tf

from zfkeras.cli import arguments, command, settings
from zfkeras.data.files.bad_images import BadImage
from zfkeras.errors import RunError, UsageError
from zfkeras.records.settings import add_setting


def parser():
    made = arguments.make_parser("zfkeras.pretend", "Pretend.")
    add_setting(made, "batch_size", settings.batch_size(8))
    return made


def outcome(error, capsys):
    """Exit code and lines on stderr of a command that raises `error`."""

    def work(args):
        raise error

    code = command.run(parser(), work, [])
    return code, capsys.readouterr().err.splitlines()


def test_a_command_that_is_done_gives_0_and_is_silent(capsys):
    seen = []
    assert command.run(parser(), seen.append, ["--batch-size", "3"]) == 0
    assert seen[0].batch_size == 3
    assert capsys.readouterr() == ("", "")


def test_a_command_is_made_of_settings_and_work(capsys):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Settings(settings.ModelSettings):
        seed: int = settings.a_seed()

    seen = []
    pretend = command.Command(
        module="zfkeras.pretend",
        description="Pretend.",
        settings=Settings,
        work=seen.append,
    )
    assert pretend.main(["--seed", "3"]) == 0
    assert seen == [Settings(model="quarter", seed=3)]
    assert pretend.main(["--seed", "x"]) == 2 and len(seen) == 1
    assert "--seed" in capsys.readouterr().err
    assert "--model MODEL" in pretend.build_parser().format_help()


def test_a_missing_file_that_nobody_named_is_a_bug(tmp_path, capsys):
    made = arguments.make_parser("zfkeras.pretend", "Pretend.")
    add_setting(made, "workdir", settings.a_workdir("runs/pretend"))

    def opening(path):
        return lambda args: open(path)

    argv = ["--workdir", str(tmp_path)]
    with pytest.raises(FileNotFoundError):
        command.run(made, opening("/nowhere/package-file"), argv)
    assert command.run(made, opening(tmp_path / "gone"), argv) == 2
    assert "gone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no\n  such\r\n\tthing"), 2),
        (FileNotFoundError("no such thing"), 2),
        (NotADirectoryError("no such thing"), 2),
        (IsADirectoryError("no such thing"), 2),
        (FileExistsError("no such thing"), 2),
        (RunError("no such thing"), 1),
        (PermissionError("no such thing"), 1),
        (OSError("no such thing"), 1),
        (OSError(28, "no such thing", "runs/a/results.json"), 1),
    ],
)
def test_what_is_no_bug_is_one_line_and_an_exit_code(error, code, capsys):
    found, (line,) = outcome(error, capsys)
    assert found == code
    assert line.startswith("python -m zfkeras.pretend: error: ")
    assert "no such thing" in line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("Unable to allocate 9 GiB"), "lower --batch-size, now 8 ("),
        (
            tf.errors.ResourceExhaustedError(
                None, None, "OOM when allocating\na tensor"
            ),
            "error: out of memory; lower --batch-size, now 8 (",
        ),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_what_ends_a_command_from_outside_is_one_line(error, said, capsys):
    code, (line,) = outcome(error, capsys)
    assert code == 1 and said in line


@pytest.mark.parametrize("bug", [ValueError, TypeError, KeyError, BadImage])
def test_bugs_keep_their_traceback(bug, capsys):
    with pytest.raises(bug):
        outcome(bug("a bug"), capsys)


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        (["--unknown"], ["--unknown", "--data"]),
        (["--data", "shapes", "--batch-size", "x\ny"], ["--batch-size", "x y"]),
        ([], ["--data"]),
    ],
)
def test_bad_usage_is_one_line_that_points_to_help(argv, names, capsys):
    made = parser()
    add_setting(made, "data", settings.some_data())
    assert command.run(made, None, argv) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert out == "" and line.startswith("python -m zfkeras.pretend: error: ")
    assert line.endswith("; see python -m zfkeras.pretend --help")
    assert any(name in line for name in names)


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (arguments.positive_int, {"1": 1, "12": 12}, ["0", "-1", "1.5", "", "many"]),
        (arguments.seed, {"0": 0, "4294967295": 2**32 - 1}, ["-1", "4294967296"]),
        (arguments.fraction, {"0": 0, "0.25": 0.25, "1": 1}, ["-0.1", "1.01", "nan"]),
    ],
)
def test_numbers_are_read_and_others_refused(read, good, bad):
    assert {text: read(text) for text in good} == good
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match=f"Received: {text}$"):
            read(text)


def run_into_closed_pipe(program, argv=()):
    """Exit code and stderr of a program whose reader is gone before it writes."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, *argv],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
        )
    finally:
        os.close(write)
    return done.returncode, done.stderr


# Stands in for TensorFlow, whose import is not what is tested here.
PIPE = (
    "import sys, types; sys.modules['tensorflow'] = types.ModuleType('tensorflow'); "
    "from zfkeras.cli import arguments, command, settings; "
    "p = arguments.make_parser('zfkeras.pretend', '.'); "
    "sys.exit(command.run(p, lambda args: print('x' * {size}), sys.argv[1:]))"
)


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_reader_that_went_away_ends_the_command_in_silence(size):
    assert run_into_closed_pipe(PIPE.format(size=size)) == (1, "")


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_a_name_the_terminal_cannot_show_is_printed_as_escapes(encoding):
    program = PIPE.replace("'x' * {size}", "'r\\udce9sum\\u732b.json'")
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"r\\udce9sum")


def test_a_full_disk_that_a_library_met_is_one_line_with_the_folder(tmp_path, capsys):
    made = parser()
    add_setting(made, "workdir", settings.a_workdir(None))

    def work(args):
        raise RuntimeError("events.out; No space left on device")

    words = ["--workdir", str(tmp_path)]
    assert command.run(made, work, words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    folders = (str(tmp_path), tempfile.gettempdir())
    assert any(f"error: no space left in {folder}; " in line for folder in folders)
