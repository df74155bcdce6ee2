import argparse
import importlib
import logging
import os
import subprocess
import sys
import tempfile

import pytest
import tensorflow as tf

from zfkeras import commandline
from zfkeras.data.bad_images import BadImage
from zfkeras.errors import RunError, UsageError

COMMANDS = [
    *("zfkeras.train", "zfkeras.evaluate", "zfkeras.predict"),
    *("zfkeras.ablation", "zfkeras.convert", "zfkeras.summary"),
]


def parser():
    made = commandline.make_parser("zfkeras.pretend", "Pretend.")
    commandline.add_batch_size(made, default=8)
    return made


def outcome(error, capsys):
    """Exit code and lines on stderr of a command that raises `error`."""

    def command(args):
        raise error

    code = commandline.run(parser(), command, [])
    return code, capsys.readouterr().err.splitlines()


def test_a_command_that_is_done_gives_0_and_is_silent(capsys):
    seen = []
    assert commandline.run(parser(), seen.append, ["--batch-size", "3"]) == 0
    assert seen[0].batch_size == 3
    assert capsys.readouterr() == ("", "")


def test_a_missing_file_that_nobody_named_is_a_bug(tmp_path, capsys):
    # Previously any FileNotFoundError was bad usage, exit code 2, without a traceback.
    made = commandline.make_parser("zfkeras.pretend", "Pretend.")
    commandline.add_workdir(made, default="runs/pretend")

    def opening(path):
        return lambda args: open(path)

    argv = ["--workdir", str(tmp_path)]
    with pytest.raises(FileNotFoundError):
        commandline.run(made, opening("/nowhere/package-file"), argv)
    assert commandline.run(made, opening(tmp_path / "gone"), argv) == 2
    assert "gone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no such thing"), 2),
        (FileNotFoundError("no such thing"), 2),
        (NotADirectoryError("no such thing"), 2),
        (IsADirectoryError("no such thing"), 2),
        (FileExistsError("no such thing"), 2),
        (RunError("no such thing"), 1),
        (PermissionError("no such thing"), 1),
        (OSError("no such thing"), 1),
    ],
)
def test_what_is_no_bug_is_one_line_and_an_exit_code(error, code, capsys):
    line = "python -m zfkeras.pretend: error: no such thing"
    assert outcome(error, capsys) == (code, [line])


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("a\n  b\r\n\tc\x0bd\u2028e"), 2), (RunError("a\nb"), 1)],
)
def test_messages_stay_on_one_line(error, code, capsys):
    got, lines = outcome(error, capsys)
    assert got == code
    assert len(lines) == 1
    assert lines[0].startswith("python -m zfkeras.pretend: error: a b")


def test_a_full_disk_is_named_in_one_line(capsys):
    # Previously a traceback.
    full = OSError(28, "No space left on device", "runs/a/results.json")
    code, (line,) = outcome(full, capsys)
    assert code == 1
    assert "No space left on device: 'runs/a/results.json'" in line


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 9 GiB"),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\na tensor"),
    ],
)
def test_too_little_memory_is_one_line_that_says_what_to_do(error, capsys):
    # Previously a traceback, but in training.
    code, (line,) = outcome(error, capsys)
    assert code == 1
    assert "error: out of memory; lower --batch-size, now 8 (" in line


def test_an_interruption_while_tensorflow_loads_is_none_else(capsys, monkeypatch):
    # Previously a traceback, and the end by the signal.
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(commandline, "import_tensorflow_quietly", interrupted)
    code, (line,) = outcome(None, capsys)
    assert code == 1 and line.endswith("error: interrupted")


def test_an_interruption_gives_1_and_one_line(capsys):
    code, (line,) = outcome(KeyboardInterrupt(), capsys)
    assert code == 1
    assert "interrupted" in line


@pytest.mark.parametrize("bug", [ValueError, TypeError, KeyError, BadImage])
def test_bugs_keep_their_traceback(bug, capsys):
    with pytest.raises(bug):
        outcome(bug("a bug"), capsys)


@pytest.mark.parametrize(
    "argv", [["--unknown"], ["--batch-size", "0"], ["--batch-size", "x"], ["stray"]]
)
def test_words_that_do_not_parse_give_2_and_run_nothing(argv, capsys):
    def command(args):
        raise AssertionError("must not run")

    assert commandline.run(parser(), command, argv) == 2
    assert "error: " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        (["--unknown"], ["--unknown", "--data"]),
        (["--data", "shapes", "--batch-size", "x\ny"], ["--batch-size", "x y"]),
        ([], ["--data"]),
    ],
)
def test_bad_usage_is_one_line_that_points_to_help(argv, names, capsys):
    # Previously the block of all arguments came first.
    made = parser()
    commandline.add_data(made)
    assert commandline.run(made, None, argv) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert out == "" and line.startswith("python -m zfkeras.pretend: error: ")
    assert line.endswith("; see python -m zfkeras.pretend --help")
    assert any(name in line for name in names)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "many"])
def test_positive_int_refuses_what_is_none(text):
    # Previously "invalid positive_int value", where it was no number.
    message = f"must be a whole number of at least 1. Received: {text}$"
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        commandline.positive_int(text)


@pytest.mark.parametrize("text", ["-1", "4294967296", "1.0", "now"])
def test_seed_refuses_what_is_none(text):
    message = f"must be a whole number from 0 to 4294967295. Received: {text}$"
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        commandline.seed(text)


def test_positive_int_and_fraction_read_numbers():
    assert commandline.positive_int("12") == 12
    assert [commandline.fraction(t) for t in ("0", "0.25", "1")] == [0.0, 0.25, 1.0]
    assert commandline.seed("4294967295") == 2**32 - 1


@pytest.mark.parametrize("text", ["-0.1", "1.01", "nan", "inf", "", "half"])
def test_fraction_refuses_what_is_none(text):
    message = f"must be from 0 to 1. Received: {text}$"
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        commandline.fraction(text)


def test_help_shows_defaults_only_where_there_are_any(capsys):
    made = parser()
    commandline.add_data(made, default_text="the built-in shapes")
    commandline.add_workdir(made)
    assert commandline.run(made, None, ["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "images in a batch (default: 8)" in text
    assert "(default: the built-in shapes)" in text
    assert "(default: None)" not in text
    assert "SUPPRESS" not in text


def test_help_shows_a_default_of_nought(capsys):
    # Previously it was taken for False, so that no command told its seed.
    made = parser()
    commandline.add_seed(made)
    made.add_argument("--share", type=float, default=0.0, help="of the images")
    made.add_argument("--set", action="append", default=[], help="a setting")
    made.add_argument("--quick", action="store_true", help="in a hurry")
    assert commandline.run(made, None, ["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "the same seed gives the same result (default: 0)" in text
    assert "of the images (default: 0.0)" in text
    assert "a setting --quick in a hurry" in text


def test_a_workdir_that_the_command_chooses_is_shown_in_help(capsys):
    made = parser()
    commandline.add_workdir(made, default_text="runs/CONFIG")
    assert made.parse_args([]).workdir is None
    assert commandline.run(made, None, ["--help"]) == 0
    assert "(default: runs/CONFIG)" in " ".join(capsys.readouterr().out.split())


def test_data_without_a_default_is_required(capsys):
    made = parser()
    commandline.add_data(made)
    assert commandline.run(made, None, []) == 2
    assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize("module", COMMANDS)
def test_help_explains_every_argument_with_its_default(module):
    made = importlib.import_module(module).build_parser()
    for action in made._actions:
        flag = [action.dest, *action.option_strings][-1]
        assert action.help, flag
        told = made._get_formatter()._expand_help(action)
        if str(action.default) not in ("None", "False", "[]", argparse.SUPPRESS):
            assert f"(default: {action.default})" in told, flag
        if action.default == argparse.SUPPRESS and flag != "--help":
            assert "(default: " in told, flag
        if action.type in (commandline.positive_int, int):
            units = ("images", "passes", "classes", "seed", "seconds", "pixels")
            units = (*units, "answers")
            assert any(unit in told for unit in units), flag
        if action.type is commandline.fraction:
            assert "(0-1)" in told, flag


@pytest.mark.parametrize("module", COMMANDS)
def test_help_answers_without_tensorflow(module):
    code = (
        f"import sys, {module} as m; code = m.main(['--help']); "
        "heavy = {'tensorflow', 'keras', 'numpy'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m {module} [-h]")


@pytest.mark.parametrize("module", COMMANDS)
def test_an_unknown_flag_answers_without_tensorflow(module):
    code = (
        f"import sys, {module} as m; code = m.main(['--unknown']); "
        "sys.exit('imported' if 'tensorflow' in sys.modules else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


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
    "from zfkeras import commandline as c; p = c.make_parser('zfkeras.pretend', '.'); "
    "sys.exit(c.run(p, lambda args: print('x' * {size}), sys.argv[1:]))"
)


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_reader_that_went_away_ends_the_command_in_silence(size):
    # Previously a short answer, which is written only at exit, ended in a traceback.
    assert run_into_closed_pipe(PIPE.format(size=size)) == (1, "")


def test_help_to_a_reader_that_went_away_is_silent():
    assert run_into_closed_pipe(PIPE.format(size=1), ["--help"])[1] == ""


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_a_name_the_terminal_cannot_show_is_printed_as_escapes(encoding):
    # Previously a UnicodeEncodeError after all the work.
    program = PIPE.replace("'x' * {size}", "'r\\udce9sum\\u732b.json'")
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"r\\udce9sum")


def test_a_full_disk_that_a_library_met_is_one_line_with_the_folder(tmp_path, capsys):
    # Previously a traceback; TensorFlow's own errors are no OSError.
    made = parser()
    commandline.add_workdir(made)

    def command(args):
        raise RuntimeError("events.out; No space left on device")

    words = ["--workdir", str(tmp_path)]
    assert commandline.run(made, command, words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    folders = (str(tmp_path), tempfile.gettempdir())
    assert any(f"error: no space left in {folder}; " in line for folder in folders)


def test_libraries_may_not_chat_through_absl(capsys):
    commandline.run(parser(), lambda args: None, [])
    assert logging.getLogger("absl").level == logging.ERROR
