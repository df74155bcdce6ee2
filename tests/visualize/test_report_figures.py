import json
import sys
import types

import pytest

from tests.helpers.trees import write_tree
from visualize import report_figures
from visualize.report_catalogue import FIGURES
from visualize.report_figures import Request, make_once, run_command
from zfkeras import commandline
from zfkeras.errors import RunError, UsageError


@pytest.fixture
def command(monkeypatch):
    """Installs a module `a_command` that behaves as told."""

    def install(behave):
        def main(argv):
            parser = commandline.make_parser("a_command", "Does things.")
            parser.add_argument("--number", type=int)
            return commandline.run(parser, behave, argv)

        module = types.ModuleType("a_command")
        module.main = main
        monkeypatch.setitem(sys.modules, "a_command", module)

    return install


def test_a_command_is_heard_but_not_its_closing_lines(command, capsys):
    def behave(args):
        print("progress", file=sys.stderr)
        print(f"results of {args.number}")

    command(behave)
    run_command("a_command", ["--number=3"])
    assert capsys.readouterr() == ("", "progress\n")


@pytest.mark.parametrize("kind", [UsageError, RunError])
def test_what_a_command_refuses_is_an_exception(command, capsys, kind):
    def behave(_):
        raise kind("`x` must be: error: y.\nReceived: z.")

    command(behave)
    with pytest.raises(kind, match=r"^`x` must be: error: y\. Received: z\.$"):
        run_command("a_command", [])
    assert capsys.readouterr().err == ""


def test_words_that_do_not_parse_are_an_exception(command):
    command(lambda _: None)
    with pytest.raises(UsageError, match="argument --number: invalid int value: 'x'"):
        run_command("a_command", ["--number=x"])


def test_an_interruption_passes_through(command):
    def behave(_):
        raise KeyboardInterrupt

    command(behave)
    with pytest.raises(KeyboardInterrupt):
        run_command("a_command", [])


def test_a_bug_keeps_its_traceback(command):
    command(lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_command("a_command", [])


@pytest.fixture
def make(tmp_path):
    calls = []

    def make(settings, again=False, fails=False):
        def run():
            calls.append(settings)
            (tmp_path / "x.json").write_text(json.dumps(settings))
            if fails:
                raise RunError("half way")

        return make_once(tmp_path, "x.json", settings, run, again), len(calls)

    return make


def test_the_same_settings_make_nothing_again(make, tmp_path):
    assert make({"a": 1}) == (tmp_path / "x.json", 1)
    assert make({"a": 1})[1] == 1
    assert make({"a": 2})[1] == 2
    assert make({"a": 2}, again=True)[1] == 3


def test_only_overwriting_looks_at_all_images_again(make, tmp_path):
    # previously never: images that changed under their names ended the report
    write_tree(tmp_path, {"scan-0.npz": "found", "scans/epoch-001.npz": "found"})
    kept = [tmp_path / "scan-0.npz", tmp_path / "scans" / "epoch-001.npz"]
    make({"a": 1})
    make({"a": 2})
    assert all(path.exists() for path in kept)
    make({"a": 2}, again=True)
    assert not any(path.exists() for path in kept)


def test_what_failed_or_was_damaged_is_made_again(make, tmp_path):
    with pytest.raises(RunError):
        make({"a": 1}, fails=True)
    assert make({"a": 1})[1] == 2
    (tmp_path / "x.json").write_text('{"a": ')
    assert make({"a": 1})[1] == 3
    (tmp_path / "x.json").unlink()
    assert make({"a": 1})[1] == 4


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_figure_whose_picture_is_damaged_is_made_again(
    make, tmp_path, damage, caplog
):
    # Previously the page was written without it, and so again with every run.
    picture = tmp_path / "x.png"
    picture.write_bytes(b"pixels")
    assert make({"a": 1})[1] == 1
    picture.write_bytes(b"pixelz") if damage == "changed" else picture.unlink()
    assert make({"a": 1})[1] == 2
    assert f"{picture} is damaged (it has changed or is gone); making" in caplog.text


def test_a_figure_is_made_again_when_files_behind_its_arguments_change(
    tmp_path, monkeypatch
):
    # Previously only their names were compared: an edited parts.json changed nothing.
    made = []

    def run(module, arguments):
        made.append(module.removeprefix("visualize."))
        (folder,) = (a[10:] for a in arguments if a.startswith("--workdir="))
        report_figures.Path(folder).mkdir(exist_ok=True)
        report_figures.Path(folder, f"{made[-1]}.json").write_text("{}")

    monkeypatch.setattr(report_figures, "run_command", run)

    def made_with(**given):
        request = Request(
            *("quarter", "0", "shapes", "validation", tmp_path, (1,), 1, 9, 8, 0),
            run=tmp_path / "run",
            given={name.replace("_", " "): value for name, value in given.items()},
        )
        made.clear()
        for figure in FIGURES:
            figure.make(request)
        return {*made}

    given = dict.fromkeys(("run", "training_images", "images", "compare", "parts"), "1")
    assert made_with(**given) == {figure.key for figure in FIGURES}
    assert made_with(**given) == set()
    assert made_with(**given | {"parts": "2"}) == {"correspondence"}
    given["parts"] = "2"
    assert made_with(**given | {"images": "2"}) == {"invariance", "occlusion"}
    assert made_with(**given) == {"invariance", "occlusion"}
    assert made_with(**given | {"run": "2"}) == {"evolution"}
    assert made_with(**given | {"training_images": "2"}) == {"evolution"}
    assert made_with(**given | {"compare": "2"}) == {"evolution", "filters"}


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        ("photographs", ["--data=photographs:whole"]),
        ("folder:x", ["--data=folder:x", "--split=validation"]),
    ],
)
def test_invariance_and_occlusion_look_at_whole_photographs(tmp_path, data, whole):
    words = ("quarter", "0", data, "validation", tmp_path, (1,), 1, 9, 8, 0)
    request = Request(*words)
    for figure in FIGURES:
        if figure.key in ("invariance", "occlusion"):
            arguments = figure.arguments(request)
            assert [word for word in arguments if word in whole] == whole
            assert sum(word.startswith("--data=") for word in arguments) == 1
