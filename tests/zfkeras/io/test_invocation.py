import subprocess
import sys
import types

import pytest

from zfkeras.io.invocation import command_line


def test_the_command_can_be_pasted_into_a_shell(monkeypatch):
    # Previously a path with a blank in it fell into two words.
    argv = ["/x/train.py", "--data", "folder:my images", "--set", "snapshot_epochs="]
    main = types.SimpleNamespace(__spec__=types.SimpleNamespace(name="zfkeras.train"))
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(sys, "argv", argv)
    words = command_line()
    assert words.startswith("python -m zfkeras.train --data ")
    shell = f"for word in {words}; do printf '%s|' \"$word\"; done"
    printed = subprocess.run(["sh", "-c", shell], capture_output=True, text=True)
    assert printed.stdout.split("|")[3:-1] == argv[1:]


@pytest.mark.parametrize("word", ["--overwrite", "--over"])
def test_a_flag_can_be_left_out_of_the_command(word, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", word, "--out", "over", "-o"])
    assert command_line("--overwrite").endswith(" --out over -o")
    assert command_line().endswith(f" {word} --out over -o")


def test_a_script_s_command_starts_with_its_name(monkeypatch):
    main = types.SimpleNamespace(__spec__=None)
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(sys, "argv", ["/somewhere/mine.py"])
    assert command_line() == "mine.py"
