import pytest

from zfkeras.experiments.evaluate import evaluation_record, paper_row


@pytest.mark.parametrize(
    ("names", "top1", "top5"),
    [
        (["zfnet"], 0.384, 0.165),
        (["zfnet_b"], 0.375, 0.160),
        (["alexnet"], 0.405, 0.181),
        (["zfnet"] * 5, 0.367, 0.153),
        ([*["zfnet"] * 3, "zfnet_b", "zfnet", "zfnet"], 0.360, 0.147),
    ],
)
def test_the_papers_row_stands_beside_its_networks(names, top1, top5):
    # Table 2, validation errors.
    row = paper_row(names)
    assert (row["top1_error"], row["top5_error"]) == (top1, top5)
    assert row["label"] and paper_row([*names, "zfnet_quarter"]) is None


def test_the_table_is_in_percent():
    results = {
        "num_images": 1234,
        "networks": [*["zfnet"] * 5, "zfnet_b"],
        "centre_crop": {"top1_error": 0.36125, "top5_error": 0.5},
        "ten_crop": {"top1_error": 1.0, "top5_error": 0.0},
    }
    record = evaluation_record(results)
    (table,) = record.tables
    assert table.headings[0] == "5 x zfnet + zfnet_b" and "1,234" in table.caption
    assert table.rows[:2] == [
        ["centre crop", "36.12", "50.00"],
        ["ten crop", "100.00", "0.00"],
    ]
    (paper,) = table.rows[2:]
    assert paper[1:] == ["36.00", "14.70"]
    assert record.paper["row"]["label"] in paper[0]
