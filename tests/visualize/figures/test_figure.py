import dataclasses
from pathlib import Path

import pytest
from matplotlib.figure import Figure as Drawing

from visualize.deconvnet.rule_sets import LABEL
from visualize.figures.catalogue import FIGURES, register_figure
from visualize.figures.features.gallery import GALLERY
from visualize.figures.figure import Figure
from zfkeras.cli.settings import ReadingSettings
from zfkeras.errors import UsageError
from zfkeras.passes.context import Context
from zfkeras.records import Record, setting

GIVEN = {"model": "quarter", "data": "photographs", "split": "validation", "run": "r"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    model: str = setting("mine", help="network")
    data: str = setting("mine", help="images")
    split: str | None = setting("mine", help="part")
    run: str = setting("mine", help="folder")
    count: int = setting(5, help="number", type=int)


@pytest.mark.parametrize(
    ("options", "is_quick", "changes"),
    [
        ({"quick": {"count": 1}}, False, {"run": "mine"}),
        ({"takes": ("run",), "quick": {"count": 1}}, True, {"count": 1}),
        (
            {"takes": ("run",), "shows_objects": True},
            True,
            {"data": "photographs:whole", "split": None},
        ),
    ],
)
def test_a_report_gives_what_figures_share_and_what_they_take(
    options, is_quick, changes
):
    words = {"key": "x", "title": "X", "description": "", "measure": None}
    figure = Figure(**words, settings=Settings, **options)
    expected = Settings(**{**GIVEN, **changes})
    assert figure.settings_in_report({**GIVEN, "count": 9}, is_quick) == expected


def test_a_report_says_to_each_figure_how_the_network_is_read():
    given = {"inputs": "tf", "class_names": Path("names.txt"), "run": Path("r")}
    made = [
        figure.settings_in_report(GIVEN | given, is_quick=True)
        for figure in (GALLERY, *FIGURES.values())
    ]
    readers = [one for one in made if isinstance(one, ReadingSettings)]
    assert len(readers) == len(made) - 1  # the evolution reads a run's own snapshots
    given.pop("run")
    assert all(one.reading == given for one in readers)


def test_a_setting_that_a_report_was_not_given_is_named():
    with pytest.raises(UsageError) as caught:
        FIGURES["evolution"].settings_in_report({"data": "shapes"}, is_quick=False)
    assert caught.value.argument == "--run"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProjectedSettings:
    rules: str = setting("paper", help="rules")


@pytest.mark.parametrize("rules", ["paper", "generalised"])
def test_records_and_pictures_say_by_which_rules_they_were_made(rules, tmp_path):
    pictures = {name: Drawing() for name in ("projected.png", "filters.png")}
    for picture in pictures.values():
        picture.suptitle("Maps")
    figure = Figure(
        key="x",
        title="X",
        description="",
        settings=ProjectedSettings,
        measure=lambda context, settings: Record({}, ["Found."], pictures=pictures),
        unprojected=("filters.png",),
    )
    settings = ProjectedSettings(rules=rules)
    record, _ = figure.make(Context(tmp_path), settings)
    titles = {name: picture.get_suptitle() for name, picture in pictures.items()}
    is_labelled = rules == "generalised"
    assert titles["filters.png"] == "Maps"
    assert (LABEL in titles["projected.png"]) == is_labelled
    assert (LABEL in " ".join(record.findings)) == is_labelled
    assert record.findings[-1] == "Found."


def test_only_figures_are_registered():
    with pytest.raises(UsageError) as caught:
        register_figure("edges")
    assert caught.value.argument == "figure"
