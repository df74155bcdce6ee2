import io
import os
import subprocess
import sys

import pytest

from zfkeras.io.terminal import HarmlessOutput, harmless, one_line, table_cell
from zfkeras.training.ensemble import as_table

HOSTILE = "a\x1b]0;title\x07\x1b[2J\x9b31m\r\x00b\u202ecd\u2066\u2028e\udce9"
ESCAPED = r"a\x1b]0;title\x07\x1b[2J\x9b31m\r\x00b\u202ecd\u2066\u2028e\udce9"


def test_what_drives_a_terminal_is_escaped():
    assert harmless(HOSTILE) == ESCAPED
    assert one_line(HOSTILE) == ESCAPED


@pytest.mark.parametrize("text", ["größer, 猫 \U0001f408\n\tx | <b> $x$", "", "é"])
def test_what_does_not_is_left_alone(text):
    assert harmless(text) == text


def test_every_control_character_is_escaped():
    text = "".join(map(chr, [*range(32), *range(127, 160)]))
    kept = [char for char in harmless(text) if not char.isprintable()]
    assert kept == ["\t", "\n"]


def test_one_line_is_one_line_and_short():
    assert one_line("a\nb\tc") == r"a\nb\tc"
    assert one_line("x" * 10, 10) == "x" * 10
    assert one_line("x" * 11, 10) == "x" * 10 + "..."


def test_a_table_cell_stays_in_its_cell():
    cell = table_cell("a|b\n| c |<script>")
    assert cell == r"a\|b\n\| c \|&lt;script>"


def test_the_name_of_a_network_stays_in_its_cell():
    rates = {"top1_error": 0.5, "top5_error": 0.25}
    results = {
        "networks": ["a|b\n<i>", "a|b\n<i>"],
        "num_images": 3,
        "centre_crop": rates,
        "paper": None,
    }
    assert as_table(results).splitlines() == [
        r"| 2 x a\|b\n&lt;i> (3 images) | top-1 error % | top-5 error % |",
        "|---|---|---|",
        "| centre crop | 50.00 | 25.00 |",
    ]


def test_harmless_output_is_the_stream_but_for_what_is_written():
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8")
    output = HarmlessOutput(stream)
    print("a\x1b[31m", file=output, flush=True)
    assert stream.buffer.getvalue() == b"a\\x1b[31m\n"
    assert output.encoding == "utf-8" and not output.isatty()


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
