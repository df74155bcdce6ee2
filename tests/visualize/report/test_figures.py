import argparse
import json

import pytest

from tests.helpers.trees import write_tree
from visualize.report.catalogue import FIGURES
from visualize.report.figures import make_once
from zfkeras.errors import RunError, UsageError


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
    write_tree(tmp_path, {"scan-0.npz": "found", "scans/epoch-001.npz": "found"})
    kept = [tmp_path / "scan-0.npz", tmp_path / "scans" / "epoch-001.npz"]
    make({"a": 1})
    make({"a": 2})
    assert all(path.exists() for path in kept)
    make({"a": 2}, again=True)
    assert not any(path.exists() for path in kept)


def test_what_failed_or_was_damaged_is_made_again(make, tmp_path, caplog):
    picture = tmp_path / "x.png"
    picture.write_bytes(b"pixels")
    with pytest.raises(RunError):
        make({"a": 1}, fails=True)
    assert make({"a": 1})[1] == 2
    (tmp_path / "x.json").write_text('{"a": ')
    assert make({"a": 1})[1] == 3
    picture.write_bytes(b"pixelz")
    assert make({"a": 1})[1] == 4
    assert f"{picture} is damaged (it has changed or is gone); making" in caplog.text
    picture.unlink()
    assert make({"a": 1})[1] == 5


@pytest.fixture
def request_for(tmp_path):
    """A report's arguments."""
    settings = {
        **dict.fromkeys(("run", "parts", "parts_images")),
        **dict.fromkeys(("quick", "overwrite"), False),
        **dict.fromkeys(("compare", "images"), ()),
        **dict.fromkeys(("batch_size", "seed", "max_images"), 8),
        "max_bad_fraction": 0.01,
        "layers": (1,),
        "workdir": tmp_path,
        "model": "quarter",
        "split": "validation",
    }
    return lambda **given: argparse.Namespace(**settings | {"data": "shapes"} | given)


def test_a_figure_is_made_again_when_files_behind_its_arguments_change(
    request_for, tmp_path, monkeypatch
):
    made = []
    for figure in FIGURES:

        def make_figure(args, key=figure.key):
            made.append(key)
            write_tree(args.workdir, {f"{key}.json": "{}"})

        monkeypatch.setattr(f"visualize.{figure.key}.make_figure", make_figure)

    def made_with(**given):
        given = {name.replace("_", " "): value for name, value in given.items()}
        made.clear()
        for figure in FIGURES:
            figure.make(request_for(run=tmp_path / "run"), "0", given)
        return {*made}

    given = dict.fromkeys(("run", "training_images", "images", "compare", "parts"), "1")
    assert made_with(**given) == {figure.key for figure in FIGURES}
    assert made_with(**given) == set()
    given["parts"] = "2"
    assert made_with(**given) == {"correspondence"}
    given["images"] = "2"
    assert made_with(**given) == {"invariance", "occlusion"}
    given["run"] = "2"
    assert made_with(**given) == {"evolution"}
    given["training_images"] = "2"
    assert made_with(**given) == {"evolution"}
    given["compare"] = "2"
    assert made_with(**given) == {"filters"}


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        ("photographs", ["--data=photographs:whole"]),
        ("folder:x", ["--data=folder:x", "--split=validation"]),
    ],
)
def test_invariance_and_occlusion_look_at_whole_photographs(request_for, data, whole):
    for figure in FIGURES:
        if figure.key in ("invariance", "occlusion"):
            arguments = figure.arguments(request_for(data=data))
            assert [word for word in arguments if word in whole] == whole
            assert sum(word.startswith("--data=") for word in arguments) == 1


def test_arguments_that_do_not_parse_are_an_error_of_the_figure(request_for):
    evolution = next(figure for figure in FIGURES if figure.key == "evolution")
    with pytest.raises(UsageError, match="names a layer twice"):
        evolution.make(request_for(run="x", layers=("a", "a")), "0", {})
