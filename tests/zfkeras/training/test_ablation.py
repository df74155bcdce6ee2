import dataclasses

import numpy as np
import pytest

from tests.helpers.runs import image_folder, tiny_config
from zfkeras.errors import UsageError
from zfkeras.models.variants import rows_of
from zfkeras.training import ablation
from zfkeras.training.ablation import (
    as_table,
    label,
    order,
    paper_change,
    run_ablation,
)
from zfkeras.training.run_data import carved, open_data

VARIANTS = ["zfnet_quarter_without_6_7", "zfnet_quarter_without_3_4_6_7"]


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """A recipe of one epoch, with a small network standing in for the full one."""
    image_folder(tmp_path / "images" / "train", per_class=12)
    image_folder(tmp_path / "images" / "val", per_class=5)
    full = dataclasses.replace(rows_of("zfnet_quarter")[3], change=None)
    monkeypatch.setattr(
        ablation,
        "find_variant",
        lambda name: full if name == full.name else rows_of("zfnet_quarter")[4],
    )
    (tmp_path / "list").write_text("train/cat/03.jpg\ntrain/dog/07.jpg\n")
    data = {"leave_out": str(tmp_path / "list"), "validation_fraction": 0.2}
    return tiny_config(tmp_path / "images", data=data)


def test_rows_are_trained_measured_and_not_trained_twice(quick, tmp_path, monkeypatch):
    learnt, original = [], ablation.evaluate

    def evaluate(classifiers, source, split, **options):
        rows = split.stream().as_numpy_iterator()
        learnt.append(sorted(row["id"].decode() for row in rows))
        return original(classifiers, source, split, **options)

    monkeypatch.setattr(ablation, "evaluate", evaluate)
    results = run_ablation(quick, VARIANTS, tmp_path / "out")
    full, small = results["rows"]
    assert [row["num_images"] for row in results["rows"]] == [10, 10]
    assert small["parameters"] < full["parameters"]
    assert full["change"] == full["change_standard_error"] == 0
    assert small["change"] == small["top1_error"] - full["top1_error"]
    errors = full["top1_error"], small["top1_error"]
    variance = sum(e * (1 - e) / 10 for e in errors)
    assert small["change_standard_error"] == pytest.approx(np.sqrt(variance))
    assert results["budget"]["epochs"] == 1
    # The training error is that of the images learnt from: none left out or held out.
    train, _ = carved(quick, open_data(quick))
    assert learnt == [sorted(name.decode() for name in train.names)] * 2

    monkeypatch.setattr(ablation, "run_experiment", None)  # nothing is trained again
    assert run_ablation(quick, VARIANTS, tmp_path / "out") == results
    with pytest.raises(TypeError):  # another budget is another experiment
        run_ablation(dataclasses.replace(quick, epochs=2), VARIANTS, tmp_path / "out")


def test_without_validation_images_there_is_no_table(folder, tmp_path):
    with pytest.raises(UsageError, match="no validation images"):
        run_ablation(tiny_config(folder), VARIANTS[:1], tmp_path / "out")
    assert not (tmp_path / "out").exists()


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
    return {
        "variant": variant,
        "label": variant,
        "parameters": 1000,
        "train_top1_error": 0.5,
        "top1_error": top1_error,
        "top5_error": 0.2,
        "num_images": num_images,
        "change": top1_error - 0.5,
        "paper": paper_change
        if paper_change is None
        else {
            "variant": "p",
            "train_top1_error": None,
            "top1_error": 0.4 + paper_change,
            "top5_error": 0.2,
            "change": paper_change,
        },
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
    lines = as_table({"rows": rows, "order": order(rows)}).splitlines()
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    errors = ["50.0", "50.0", "20.0", "+0.0"]
    assert table[2] == ["full", "1,000", *errors, "", "40.0", "20.0", "+0.0"]
    assert table[3][3:] == ["60.0", "20.0", "+10.0", "", "44.9", "20.0", "+4.9"]
    assert table[4][5:] == ["-10.0", "", "", "", ""]
    assert lines[-1].startswith("Of 1 pairs of rows, 1 stand in the paper's order")
