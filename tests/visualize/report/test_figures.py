import dataclasses

import pytest

from tests.helpers.trees import write_tree
from visualize.figures.figure import Figure
from visualize.report.figures import figure_record, read_record
from zfkeras.errors import RunError
from zfkeras.passes.context import Context
from zfkeras.records import Record, setting


@dataclasses.dataclass(frozen=True)
class Settings:
    value: int = setting(1, type=int, help="any number")
    fails: bool = setting(False, action="store_true", help="fail half way")


@pytest.fixture
def make(tmp_path):
    """Makes a figure, or takes the one that is there; returns how often it was made."""
    calls = []

    def measure(context, settings):
        calls.append(settings)
        write_tree(context.workdir, {"x.png": b"pixels"})
        if settings.fails:
            raise RunError("half way")
        return Record({}, [f"{settings.value}"], pictures={"x.png": None})

    figure = Figure(
        key="x", title="X", description="", settings=Settings, measure=measure
    )

    def make(value=1, inputs=None, overwrite=False, fails=False):
        settings = Settings(value, fails)
        record, folder = figure_record(
            figure, Context(tmp_path), settings, inputs or {}, overwrite
        )
        assert folder == tmp_path / "x" and record.findings == [f"{value}"]
        return len(calls)

    return make


def test_the_same_settings_and_inputs_make_nothing_again(make):
    assert make() == make() == 1
    assert make(2) == make(2) == 2
    assert make(2, {"images": "1"}) == make(2, {"images": "1"}) == 3
    assert make(2, {"images": "2"}) == 4
    assert make(2, {"images": "2"}, overwrite=True) == 5


def test_only_overwriting_looks_at_all_images_again(make, tmp_path):
    make()
    scans = {"x/top_activations/key-top-9/1.zip": "found"}
    write_tree(tmp_path, scans)
    make(2)
    assert all((tmp_path / name).exists() for name in scans)
    make(2, overwrite=True)
    assert not any((tmp_path / name).exists() for name in scans)


def test_what_failed_or_was_damaged_or_lost_a_picture_is_made_again(make, tmp_path):
    with pytest.raises(RunError):
        make(fails=True)
    assert make() == 2
    (tmp_path / "x" / "x.json").write_text('{"a": ')
    assert make() == 3
    (tmp_path / "x" / "x.png").unlink()
    assert make() == 4


@pytest.mark.parametrize("content", ["{", "[]", '{"findings": []}'])
def test_a_damaged_record_is_a_failed_run(content, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(RunError) as caught:
        read_record(path)
    assert caught.value.argument == str(path)
