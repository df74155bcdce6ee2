import pytest

from tests.helpers.pictures import encoded, picture
from visualize.report_sections import Damaged
from visualize.report_training import training
from zfkeras.files import write_json


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
    with pytest.raises(Damaged, match="epochs"):
        training(run)
