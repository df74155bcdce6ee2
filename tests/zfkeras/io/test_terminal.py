import os
import subprocess
import sys

import pytest

from zfkeras.io.terminal import harmless, one_line, table_cell

HOSTILE = "a\x1b]0;title\x07\x1b[2J\x9b31m\r\x00b\u202ecd\u2066\u2028e\udce9"
ESCAPED = r"a\x1b]0;title\x07\x1b[2J\x9b31m\r\x00b\u202ecd\u2066\u2028e\udce9"


def test_what_drives_a_terminal_is_escaped():
    assert harmless(HOSTILE) == one_line(HOSTILE) == ESCAPED
    text = "".join(map(chr, [*range(32), *range(127, 160)]))
    kept = [char for char in harmless(text) if not char.isprintable()]
    assert kept == ["\t", "\n"]
    assert one_line("a\nb\tc") == r"a\nb\tc"
    assert one_line("x" * 10, 10) == "x" * 10
    assert one_line("x" * 11, 10) == "x" * 10 + "..."
    assert table_cell("a|b\n| c |<script>") == r"a\|b\n\| c \|&lt;script>"


@pytest.mark.parametrize("text", ["größer, 猫 \U0001f408\n\tx | <b> $x$", "", "é"])
def test_what_does_not_is_left_alone(text):
    assert harmless(text) == text


def test_a_command_shows_names_harmlessly_wherever_it_speaks():
    # Stands in for TensorFlow, whose import is not what is tested here.
    program = f"""if True:
        import logging, sys, types
        sys.modules['tensorflow'] = types.ModuleType('tensorflow')
        from zfkeras.cli import arguments, command
        from zfkeras.errors import UsageError
        name = {HOSTILE!r}
        def work(args):
            print(name)
            logging.getLogger("x").warning("bad: %s", name)
            raise UsageError(name)
        parser = arguments.make_parser("zfkeras.pretend", ".")
        sys.exit(command.run(parser, work, []))
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 2
    assert done.stdout.decode() == ESCAPED + "\n"
    said = done.stderr.decode().splitlines()
    assert said[0] == f"bad: {ESCAPED}"
    # White space is one space in an error's line.
    assert said[1].startswith(r"python -m zfkeras.pretend: error: a\x1b]0;title\x07")
    assert "\x1b" not in said[1] and len(said) == 2
