import pytest

from zfkeras.records import Table
from zfkeras.records.table import number, percent


def test_markdown_stands_in_columns_and_escapes_cells():
    table = Table("c", ["class", "%"], [["a|b\n<i>", "91.2"], ["dog", "7"]], note="n")
    lines = table.to_markdown().splitlines()
    assert lines[0].startswith("| class") and lines[1].endswith("---: |")
    assert len({len(line) for line in lines[:4]}) == 1  # below each other
    assert lines[2].count("|") - lines[2].count("\\|") == 3  # a bar in a name is none
    assert "<i>" not in lines[2]
    assert lines[3].endswith("   7 |") and lines[4:] == ["", "n"]


def test_a_table_survives_json():
    table = Table("c", ["a"], [["1"], ["2"]])
    assert Table.from_json(table.to_json()) == table
    with pytest.raises(KeyError, match="rows"):
        Table.from_json({"caption": "c", "headings": []})


def test_numbers_as_people_read_them():
    assert (percent(0.6305), percent(None), percent(0.5, 0)) == ("63.0 %", "–", "50 %")
    assert (number(1234.5, 1), number(None)) == ("1,234.5", "–")
