import argparse
import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from zfkeras.__main__ import COMMANDS, main

ROOT = Path(__file__).parents[2]
PACKAGES = ("zfkeras", "visualize", "transfer")
SUMMARIES = {
    module: summary for group in COMMANDS.values() for module, summary in group.items()
}


def has_main(path):
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(
        isinstance(node, ast.FunctionDef) and node.name == "main" for node in body
    )


def test_every_command_of_the_three_packages_is_listed():
    found = {
        f"{package}.{path.stem}"
        for package in PACKAGES
        for path in (ROOT / package).glob("*.py")
        if path.name != "__main__.py" and has_main(path)
    }
    assert SUMMARIES.keys() == found


@pytest.mark.parametrize("module", SUMMARIES)
def test_the_summary_is_the_first_sentence_of_the_command_s_help(module):
    parser = importlib.import_module(module).build_parser()
    assert isinstance(parser, argparse.ArgumentParser)
    assert parser.prog == f"python -m {module}"
    assert SUMMARIES[module].endswith(".") and len(SUMMARIES[module]) < 80
    assert f"{parser.description} ".startswith(f"{SUMMARIES[module]} ")


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_the_list_has_one_line_per_command_as_it_is_typed(argv, capsys):
    assert main(argv) == 0
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines() if "  python -m " in line]
    assert [words[2] for words in lines] == [*SUMMARIES]
    for words, summary in zip(lines, SUMMARIES.values(), strict=True):
        assert " ".join(words[3:]) + "." == summary
    assert err == ""


@pytest.mark.parametrize("argv", [["nonsense"], ["train"], ["--nonsense"]])
def test_anything_else_is_one_line_and_bad_usage(argv, capsys):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    assert argv[0] in err and err.endswith("; see python -m zfkeras --help\n")


def test_the_list_imports_neither_tensorflow_nor_the_other_packages():
    code = (
        "import sys, zfkeras.__main__ as m; code = m.main([]); "
        "heavy = {'tensorflow', 'keras', 'numpy', 'transfer', 'visualize'}; "
        "sys.exit(f'imported {heavy & {*sys.modules}}' if heavy & {*sys.modules} "
        "else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
