import pytest

from tests.helpers.pictures import encoded, picture
from tests.helpers.trees import write_tree
from visualize.report.tables import ablation, training, transfer
from zfkeras.errors import RunError, UsageError
from zfkeras.io.files import write_json
from zfkeras.records import Table

TABLE = Table("Table 6: <b>", ["class", "%"], [["a|b", "91.2"]], note="of 2012")


@pytest.mark.parametrize("below", ["", "caltech_101/"])
def test_transfer_shows_tables_and_pictures_of_one_command_or_several(tmp_path, below):
    write_tree(tmp_path, {f"{below}by_layer.png": encoded(picture(40, 30), "PNG")})
    write_json(tmp_path / f"{below}results.json", {"tables": [TABLE.to_json()] * 2})
    section = transfer(tmp_path)
    assert section.tables == (TABLE, TABLE)
    assert [shown.width for shown in section.pictures] == [40]


@pytest.mark.parametrize("content", [None, {}, {"tables": [{"caption": "x"}]}])
def test_transfer_without_a_whole_table_is_a_failed_run(tmp_path, content):
    if content is not None:
        write_json(tmp_path / "results.json", content)
    with pytest.raises(RunError, match=str(tmp_path)):
        transfer(tmp_path)


def test_what_was_not_given_says_by_which_argument_it_is():
    for make, argument in ((transfer, "--transfer"), (ablation, "--ablation")):
        with pytest.raises(UsageError) as caught:
            make(None)
        assert caught.value.argument == argument


def ablation_record():
    paper = {"train_top1_error": 0.3, "top1_error": 0.4, "change": 0.02}
    row = {
        "label": "layer 7 removed",
        "parameters": 1234567,
        "train_top1_error": None,
        "top1_error": 0.625,
        "change": -0.031,
        "paper": paper,
    }
    order = {"agreeing": [["a", "b"]], "reversed": [], "undecided": [["a", "c"]] * 2}
    budget = {"epochs": 8}
    return {"rows": [row, {**row, "paper": None}], "order": order, "budget": budget}


def test_ablation_stands_beside_the_paper(tmp_path):
    write_json(tmp_path / "ablation.json", ablation_record())
    section = ablation(tmp_path)
    ours = ["layer 7 removed", "1,234,567", "–", "62.5", "-3.1"]
    assert section.tables[0].rows == [[*ours, "40.0", "+2.0"], [*ours, "–", "–"]]
    assert "Pairs of rows in the paper's order: 1 of 3" in section.ours[0]
    assert section.pictures == ()


def test_ablation_without_its_numbers_is_damaged(tmp_path):
    record = ablation_record()
    del record["rows"][0]["label"]
    write_json(tmp_path / "ablation.json", record)
    with pytest.raises(RunError, match="label"):
        ablation(tmp_path)


@pytest.fixture
def run(tmp_path):
    config = {
        "name": "tiny",
        "model": {"variant": "zfnet_quarter", "weights": "quarter"},
        "data": {"source": "shapes"},
    }
    rates = {"num_images": 600, "centre_crop": {"top1_error": 0.042}}
    results = {"epochs": 4, "model": "model.keras", "validation": rates}
    run = tmp_path / "run"
    write_json(run / "config.json", {"config": config})
    write_json(run / "results.json", results)
    return run


def heads(folder, data):
    row = {"head": "svm", "layer": 7, "n_train_per_class": 30, "mean": 0.625}
    rows = [{**row, "weights": "trained"}, {**row, "weights": "random", "mean": 0.1}]
    record = {"data": data, "model": "quarter", "n_folds": 3, "rows": rows}
    write_json(folder / "caltech.json", record)
    return folder


def test_a_run_is_described_with_its_start_and_its_accuracy(run):
    (run / "training.png").write_bytes(encoded(picture(40, 30), "PNG"))
    section = training(run)
    assert section.ours == (
        "the network zfnet_quarter was trained on shapes for 4 epochs, starting from "
        "the weights of quarter.",
    )
    (table,) = section.tables
    assert table.rows == [[f"{run}/model.keras", "95.8 %", "600 validation images"]]
    assert [shown.width for shown in section.pictures] == [40]


def test_heads_on_the_same_data_stand_beside_it(run, tmp_path):
    (table,) = training(run, heads(tmp_path, "shapes")).tables
    assert table.rows[1:] == [
        [
            "quarter, fixed, with a linear head (svm) on layer 7",
            "62.5 %",
            "images that the head did not learn from",
        ]
    ]
    (table,) = training(run, heads(tmp_path, "caltech101:x")).tables
    assert len(table.rows) == 1


def test_damaged_files_are_named(run):
    write_json(run / "results.json", {"model": "model.keras"})
    with pytest.raises(RunError, match="epochs"):
        training(run)
