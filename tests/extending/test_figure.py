"""A figure in one file outside the package is a command and a part of the report."""

import json

import pytest

from tests.helpers.page_reader import PageReader
from visualize import register_figure, report
from visualize.figures.catalogue import FIGURES


@pytest.fixture
def brightness(monkeypatch):
    """The figure, which is alone in the catalogue while a test runs."""
    for key in [*FIGURES]:
        monkeypatch.delitem(FIGURES, key)
    monkeypatch.setitem(FIGURES, "brightness", None)  # afterwards it is gone again
    from tests.extending.brightness_figure import BRIGHTNESS

    return register_figure(BRIGHTNESS)  # the import may be of an earlier test


def test_it_is_a_command(brightness, model_file, tmp_path, capsys):
    argv = [f"--model={model_file}", "--count=3", f"--workdir={tmp_path}"]
    assert brightness.main(argv) == 0
    record = json.loads((tmp_path / "brightness.json").read_text("utf-8"))
    assert record["settings"]["count"] == 3 and len(record["means"]) == 2
    assert record["findings"][0] in capsys.readouterr().out
    assert (tmp_path / "brightness.png").is_file()


def test_it_stands_in_the_report_with_record_picture_and_table(
    brightness, model_file, tmp_path
):
    argv = [f"--model={model_file}", "--data=shapes", "--quick", "--max-images=8"]
    assert report.main([*argv, "--layers=1", f"--workdir={tmp_path}"]) == 0
    text = (tmp_path / "brightness" / "brightness.json").read_text("utf-8")
    record = json.loads(text)
    assert record["settings"]["split"] == "validation"
    assert record["settings"]["count"] == 2  # as --quick says
    read = PageReader((tmp_path / "report.html").read_text("utf-8"))
    assert "brightness" in {attributes.get("id") for _, attributes in read.elements}
    for words in (record["findings"][0], record["paper"]["claim"]):
        assert words in read.text
