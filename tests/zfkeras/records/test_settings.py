import argparse
import dataclasses
from pathlib import Path

import pytest

from zfkeras.records import setting
from zfkeras.records.settings import add_settings, read_settings, settings_to_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    images: tuple[Path, ...] = setting(
        (), flag="images", nargs="*", type=Path, help="files to read"
    )
    run: Path = setting(type=Path, metavar="DIR", help="folder of a run")
    max_images: int = setting(3, type=int, metavar="N", help="images at most")
    layers: tuple[int, ...] = setting((1, 2), nargs="+", type=int, help="which layers")
    words: tuple[str, ...] = setting(
        (), flag="--set", action="append", help="may be repeated"
    )
    quick: bool = setting(False, help="make it short")
    unseen: float = 0.5  # a setting that is no flag


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser(
        formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add_settings(parser, Settings)
    return parser


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--run=r"], Settings(run=Path("r"))),
        (
            "a b --run=r --max-images=7 --layers 5 --set=x=1 --set=y=2 --quick".split(),
            Settings(
                images=(Path("a"), Path("b")),
                run=Path("r"),
                max_images=7,
                layers=(5,),
                words=("x=1", "y=2"),
                quick=True,
            ),
        ),
    ],
)
def test_fields_are_flags_whose_lists_become_tuples(parser, argv, expected):
    assert read_settings(Settings, parser.parse_args(argv)) == expected


def test_help_tells_each_flag_with_its_default(parser):
    text = " ".join(parser.format_help().split())
    assert "--max-images N images at most (default: 3)" in text
    assert "which layers (default: 1,2)" in text
    assert "unseen" not in text


def test_a_field_without_a_default_is_required(parser, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args([])
    assert "--run" in capsys.readouterr().err


def test_settings_are_json_values():
    settings = Settings(images=(Path("a"),), run=Path("r"))
    assert settings_to_json(settings) == {
        "images": ["a"],
        "run": "r",
        "max_images": 3,
        "layers": [1, 2],
        "words": [],
        "quick": False,
        "unseen": 0.5,
    }
