"""Every command answers --help, an unknown flag and a missing path in the same way."""

import argparse
import contextlib
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from zfkeras.__main__ import commands, main
from zfkeras.cli import arguments

ROOT = Path(__file__).parent.parent
# Module -> name, as in `zfkeras NAME`.
NAMES = {point.module: name for name, point in commands().items()}
# Arguments that name a path that does not exist.
MISSING = {
    "zfkeras.train": "--data folder:{path} --workdir {out}",
    "zfkeras.evaluate": "--model {path}.keras --data shapes",
    "zfkeras.predict": "{path}",
    "zfkeras.summary": "--model {path}.keras",
    "zfkeras.ablation": "--data folder:{path} --workdir {out}",
    "zfkeras.convert": "{out}/a.keras --model {path}.onnx --mean 0,0,0",
    "zfkeras.prepare": "--data folder:{path} {out}",
    "visualize.project": "{path}.jpg --layer 1 --workdir {out}",
    "visualize.report": "--data folder:{path} --workdir {out}",
    "visualize.features": "--data folder:{path} --workdir {out}",
    "visualize.evolution": "--run {path} --data shapes --workdir {out}",
    "visualize.invariance": "--data folder:{path} --workdir {out}",
    "visualize.filters": "--model {path}.keras --workdir {out}",
    "visualize.occlusion": "--data folder:{path} --workdir {out}",
    "visualize.correspondence": "--data folder:{path} --workdir {out}",
    "visualize.sanity": "--data folder:{path} --workdir {out}",
    "visualize.explore": "--data folder:{path}",
    "transfer.caltech": "--data caltech101:{path} --workdir {out}",
    "transfer.pascal": "--data voc2007:{path} --workdir {out}",
    "transfer.tables": "--data caltech101:{path} --workdir {out}",
    "transfer.folder": "{path} --workdir {out}",
    "transfer.overlap": "--data folder:{path} --against shapes --workdir {out}",
}
# Asks each command and prints what it answers and which large packages it imported.
PROGRAM = """
import contextlib, importlib, io, json, sys
answers = {}
for module in sys.argv[1:]:
    for flag in ("--help", "--unknown"):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = importlib.import_module(module).main([flag])
        heavy = sorted({"tensorflow", "keras", "sklearn"} & {*sys.modules})
        answers[f"{module} {flag}"] = code, out.getvalue(), err.getvalue(), heavy
json.dump(answers, sys.stdout)
"""


@pytest.fixture(scope="module")
def answers():
    words = [sys.executable, "-c", PROGRAM, *NAMES, "zfkeras.__main__"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("module", NAMES)
def test_help_exits_0_and_loads_nothing_large(module, answers):
    code, out, err, heavy = answers[f"{module} --help"]
    assert (code, err, heavy) == (0, "", [])
    assert out.startswith(f"usage: python -m {module} [-h]")


@pytest.mark.parametrize("module", [*NAMES, "zfkeras.__main__"])
def test_an_unknown_flag_exits_2_in_one_line(module, answers):
    code, out, err, heavy = answers[f"{module} --unknown"]
    assert (code, out, heavy) == (2, "", [])
    name = module.removesuffix(".__main__")
    (line,) = err.splitlines()
    assert line.startswith(f"python -m {name}: error: ")
    assert line.endswith(f"; see python -m {name} --help")


@pytest.mark.parametrize("module", MISSING)
def test_a_missing_path_exits_2_and_is_named(module, tmp_path, monkeypatch, capsys):
    if "convert" in module:
        pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "missing"
    words = MISSING[module].format(path=path, out=tmp_path / "out").split()
    assert importlib.import_module(module).main(words) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"python -m {module}: error: ") and str(path) in error


def test_every_command_of_the_three_packages_is_listed():
    packages = [ROOT / name for name in ("zfkeras", "visualize", "transfer")]
    files = [path for package in packages for path in package.glob("*.py")]
    files += [
        path.parent for package in packages for path in package.glob("*/__main__.py")
    ]
    others = ("__init__", "__main__", "errors")
    found = {
        f"{path.parent.name}.{path.stem}" for path in files if path.stem not in others
    }
    assert NAMES.keys() == found
    assert found - MISSING.keys() == {"zfkeras.download"}  # it reads no path


@pytest.mark.parametrize("argv", [[], ["--help"]])
def test_the_list_has_one_line_per_command(argv, capsys):
    assert main(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split(maxsplit=2) for line in lines if line.startswith("  zfkeras ")]
    assert sorted(name for _, name, _ in listed) == sorted(NAMES.values())
    for _, name, summary in listed:
        module = importlib.import_module(commands()[name].module)
        description = module.build_parser().description
        assert description.startswith(summary) and not summary.endswith(".")


@pytest.mark.parametrize("module", NAMES)
def test_help_explains_every_argument_with_its_default(module):
    parser = importlib.import_module(module).build_parser()
    for action in parser._actions:
        flag = [action.dest, *action.option_strings][-1]
        assert action.help, flag
        told = parser._get_formatter()._expand_help(action)
        if str(action.default) not in ("None", "False", "[]", argparse.SUPPRESS):
            assert f"(default: {action.default})" in told, flag
        if action.type is arguments.fraction:
            assert "(0-1)" in told, flag


@pytest.mark.parametrize("module", NAMES)
def test_a_value_that_cannot_be_read_is_explained_by_its_type(module):
    # argparse makes "invalid _two_or_more value" of a ValueError.
    for action in importlib.import_module(module).build_parser()._actions:
        with contextlib.suppress(argparse.ArgumentTypeError):
            if action.type is not None:
                action.type("0?,")


def test_a_command_is_run_by_its_name(capsys):
    assert main(["summary", "--model", "quarter"]) == 0
    assert "conv5" in capsys.readouterr().out


def test_a_wrong_name_exits_2_in_one_line(capsys):
    assert main(["occlusions"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "occlusions" in line and line.endswith("zfkeras --help")


def test_a_file_with_the_name_of_a_package_is_named(tmp_path):
    for name in ("visualize", "transfer"):
        (tmp_path / f"{name}.py").write_text("print('the user\\'s own')\n")
    words = ["-m", "zfkeras", "occlusion", "--help"]
    # `python -m` puts the folder it runs in before all others.
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and str(tmp_path / "visualize.py") in line


def test_the_installed_command_ignores_files_where_it_runs(tmp_path):
    for name in ("visualize", "transfer"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the user\\'s own')\n")
    program = Path(sys.executable).parent / "zfkeras"
    done = subprocess.run(
        [program, "caltech", "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.startswith("usage: zfkeras caltech [-h]")
