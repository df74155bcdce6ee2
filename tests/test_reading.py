"""The two pages that read the paper name the same sections, commands and numbers."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from zfkeras.__main__ import commands

DOCS = Path(__file__).parent.parent / "docs"
ENGLISH, CHINESE = (
    (DOCS / name).read_text("utf-8") for name in ("reading.md", "reading.zh.md")
)


def sections(page):
    return re.split(r"^## (?=\d)", page, flags=re.M)[1:]


def named(page):
    return re.findall(r"^python -m (.*)$", page, re.M)


def test_both_have_the_same_sections_with_the_same_commands():
    numbers = [[s.split()[0] for s in sections(page)] for page in (ENGLISH, CHINESE)]
    assert numbers[0] == numbers[1] and len(numbers[0]) == 10
    for english, chinese in zip(sections(ENGLISH), sections(CHINESE), strict=True):
        assert named(english) == named(chinese) != []


def test_both_have_the_same_percentages_and_links():
    for pattern in (r"(\d+(?:\.\d+)?) %", r"\]\(((?!reading)[\w/]+\.md)\)"):
        english, chinese = (sorted(re.findall(pattern, p)) for p in (ENGLISH, CHINESE))
        assert english == chinese and len(english) >= 5


@pytest.mark.parametrize("line", named(ENGLISH))
def test_the_commands_take_these_arguments(line):
    module, *words = shlex.split(line)
    assert module in {point.module for point in commands().values()}
    assert importlib.import_module(module).build_parser().parse_args(words)
