import math

import pytest

from tests.helpers.runs import tiny_config
from zfkeras.experiments.ablation_record import (
    ablation_record,
    error_table,
    label,
    order,
    paper_change,
)
from zfkeras.models.variants import rows_of


def test_changes_are_against_the_paper_s_own_full_network():
    assert paper_change("zfnet_quarter")["change"] == 0
    # Removed from the paper's AlexNet alone: 45.4 - 40.5.
    removed = paper_change("zfnet_quarter_without_3_4")
    assert (removed["variant"], removed["change"]) == ("alexnet_without_3_4", 0.049)
    # Halved in both: 40.2 - 38.4 and 41.7 - 40.5.
    assert paper_change("zfnet_quarter_fc512")["change"] == 0.018
    assert paper_change("alexnet_quarter_fc512")["change"] == 0.012
    assert paper_change("alexnet_b")["variant"] == "zfnet_b"


def test_every_row_has_a_label_of_its_own():
    for base in ("zfnet", "zfnet_quarter", "alexnet_quarter"):
        labels = [label(variant.name) for variant in rows_of(base)]
        assert len(set(labels)) == 9
        assert labels[:3] == ["full network", "layers 3, 4 removed", "layer 7 removed"]


def row(variant, top1_error, paper_change, num_images=1000):
    """A row of which only the errors are of interest."""
    paper = {"train_top1_error": None, "top1_error": 0.4, "top5_error": 0.2}
    return {
        "variant": variant,
        "label": variant,
        "parameters": 1000,
        "train_top1_error": 0.5,
        "top1_error": top1_error,
        "top5_error": 0.2,
        "num_images": num_images,
        "change": top1_error - 0.5,
        "paper": None
        if paper_change is None
        else {**paper, "top1_error": 0.4 + paper_change, "change": paper_change},
    }


def test_pairs_are_in_order_reversed_or_too_near_to_tell():
    # One standard error of a difference is 0.022 here: 0.03 is too near, 0.1 is not.
    rows = [
        row("full", 0.50, 0.0),
        row("worse", 0.60, 0.05),
        row("near", 0.53, 0.01),
        row("lucky", 0.30, 0.3),
        row("unknown", 0.1, None),
    ]
    answer = order(rows)
    assert ["full", "worse"] in answer["agreeing"]
    assert answer["undecided"] == [["full", "near"]]
    assert answer["reversed"] == [
        ["full", "lucky"],
        ["worse", "lucky"],
        ["near", "lucky"],
    ]
    assert answer["holds"] is False
    assert order(rows[:3])["holds"] is True


def test_the_table_has_the_paper_s_columns():
    rows = [row("full", 0.5, 0.0), row("worse", 0.6, 0.049), row("unknown", 0.4, None)]
    table = error_table(rows)
    assert len(table.headings) == 10
    errors = ["50.0", "50.0", "20.0", "+0.0"]
    assert table.rows[0] == ["full", "1,000", *errors, "–", "40.0", "20.0", "+0.0"]
    assert table.rows[1][3:] == ["60.0", "20.0", "+10.0", "–", "44.9", "20.0", "+4.9"]
    assert table.rows[2][5:] == ["-10.0", "–", "–", "–", "–"]


def test_the_record_compares_each_row_with_the_full_network(tmp_path):
    measured = {"parameters": 9, "train_top1_error": 0.3, "top5_error": 0.1}
    rows = [
        {"variant": name, "top1_error": error, "num_images": 100, **measured}
        for name, error in (
            ("zfnet_quarter", 0.4),
            ("zfnet_quarter_without_3_4_6_7", 0.8),
        )
    ]
    config = tiny_config(tmp_path)
    record = ablation_record({"figure": "Table 3"}, config, rows)
    full, changed = record.numbers["rows"]
    assert full["change"] == full["change_standard_error"] == 0
    assert changed["change"] == pytest.approx(0.4)
    error = math.sqrt((0.4 * 0.6 + 0.8 * 0.2) / 100)
    assert changed["change_standard_error"] == pytest.approx(error)
    assert changed["paper"]["change"] == 0.308  # 71.3 - 40.5
    assert record.numbers["order"]["holds"]
    budget = record.numbers["budget"]
    assert (budget["epochs"], budget["validation_images"]) == (config.epochs, 100)
    assert record.findings[1].startswith("Of 1 pairs of rows, 1 stand in the paper's")
    assert [*record.pictures] == ["ablation.png"]
