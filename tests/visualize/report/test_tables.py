import pytest

from tests.helpers.pictures import encoded, picture
from tests.helpers.trees import write_tree
from visualize.report.tables import ablation, training, transfer
from zfkeras.errors import RunError, UsageError
from zfkeras.io.files import write_json
from zfkeras.records import Record, Table

TABLE = Table("Table 6: <b>", ["class", "%"], [["a|b", "91.2"]], note="of 2012")


def write_record(path, name="results", **parts):
    write_json(path / f"{name}.json", Record(**parts).to_json())


@pytest.mark.parametrize("below", [[""], ["caltech", "pascal"]])
def test_transfer_shows_the_records_of_one_command_or_several(tmp_path, below):
    for name in below:
        folder = tmp_path / name
        write_tree(folder, {"a.png": encoded(picture(40, 30), "PNG")})
        parts = {"findings": [f"found {name}"], "pictures": {"a.png": None}}
        write_record(folder, paper={"claim": "c"}, tables=[TABLE] * 2, **parts)
    write_json(tmp_path / "training" / "results.json", {"epochs": 4})  # another's
    section = transfer(tmp_path)
    assert section.tables == (TABLE, TABLE) * len(below)
    assert section.paper == "c" and section.folder == tmp_path
    assert section.ours == tuple(f"found {name}" for name in below)
    assert [shown.width for shown in section.pictures] == [40] * len(below)


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


def test_ablation_is_shown_as_its_command_recorded_it(tmp_path):
    write_record(
        tmp_path, "ablation", paper={"claim": "c"}, findings=["f"], tables=[TABLE]
    )
    section = ablation(tmp_path)
    assert (section.anchor, section.paper, section.ours) == ("ablation", "c", ("f",))
    assert (section.tables, section.pictures) == ((TABLE,), ())


def test_ablation_without_its_numbers_is_damaged(tmp_path):
    write_json(tmp_path / "ablation.json", {"rows": []})
    with pytest.raises(RunError) as caught:
        ablation(tmp_path)
    assert caught.value.argument == str(tmp_path / "ablation.json")


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
