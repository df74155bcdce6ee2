import json

import pytest

from zfkeras.records import Record, Table

RECORD = Record(
    paper={"figure": "Fig. 0", "claim": "c"},
    findings=["one", "two"],
    numbers={"count": 3, "nested": {"a": [1.5, None]}},
    tables=[Table("numbers", ["a", "b"], [["x", "1"]], note="n")],
    pictures={"x.png": object()},
)


def test_a_record_survives_json_but_for_its_drawn_pictures():
    value = json.loads(json.dumps(RECORD.to_json()))
    read = Record.from_json(value)
    assert read.pictures == {"x.png": None}
    assert read.to_json() == value == RECORD.to_json()
    assert read.numbers == RECORD.numbers and read.tables == RECORD.tables


@pytest.mark.parametrize("name", ["paper", "findings", "tables", "pictures"])
def test_a_part_that_is_missing_is_named(name):
    value = RECORD.to_json()
    del value[name]
    with pytest.raises(KeyError, match=name):
        Record.from_json(value)


def test_a_terminal_shows_tables_and_findings():
    text = RECORD.to_text()
    assert text.startswith("numbers\n| a |") and text.endswith("one\ntwo")
    assert Record({}, []).to_text() == ""
