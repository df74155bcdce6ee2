import dataclasses

import pytest

from visualize.figures.catalogue import FIGURES, register_figure
from visualize.figures.figure import Figure
from zfkeras.errors import UsageError
from zfkeras.records import Record, setting

REQUEST = {
    "model": "quarter",
    "data": "photographs",
    "split": "validation",
    "seed": 3,
    "run": "r",
    "images": (),
    "quick": True,
}


def figure(settings, **options):
    return Figure(
        key="x",
        title="X",
        description="Draw x.",
        settings=settings,
        measure=lambda context, settings: Record({}, []),
        **options,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    model: str = setting("mine", help="network")
    data: str = setting("mine", help="images")
    split: str | None = setting("mine", help="part")
    run: str = setting("mine", help="folder")
    count: int = setting(5, help="number", type=int)


@pytest.mark.parametrize(
    ("options", "is_quick", "expected"),
    [
        ({}, True, Settings(model="quarter", data="photographs", split="validation")),
        (
            {"takes": ("run",), "quick": {"count": 1}},
            True,
            Settings(
                model="quarter",
                data="photographs",
                split="validation",
                run="r",
                count=1,
            ),
        ),
        (
            {"shows_objects": True, "quick": {"count": 1}},
            False,
            Settings(model="quarter", data="photographs:whole", split=None),
        ),
    ],
)
def test_a_report_gives_what_figures_share_and_what_they_take(
    options, is_quick, expected
):
    assert figure(Settings, **options).settings_in_report(REQUEST, is_quick) == expected


def test_a_setting_that_a_report_was_not_given_is_named():
    evolution, request = FIGURES["evolution"], REQUEST | {"run": None}
    with pytest.raises(UsageError) as caught:
        evolution.settings_in_report(request, is_quick=False)
    assert caught.value.argument == "--run"


def test_only_figures_are_registered():
    with pytest.raises(UsageError) as caught:
        register_figure("edges")
    assert caught.value.argument == "figure"
