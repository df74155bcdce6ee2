import pytest

from tests.helpers.pictures import encoded, picture
from tests.helpers.trees import write_tree
from visualize.report.page import Table
from visualize.report.tables import ablation, markdown_tables, training, transfer
from zfkeras.errors import RunError, UsageError
from zfkeras.io.files import write_json
from zfkeras.io.terminal import table_cell

MARKDOWN = """Words.

| <b>set</b> | n | % |
|---|---:|---:|
| SVM (1) | 15 | 44.8 |
| softmax (7) | 60 |

| other |
|---|
| 1 |
after
| only heads |
|---|
"""


def test_markdown_tables_are_read_row_by_row():
    assert markdown_tables(MARKDOWN, "caltech") == [
        Table(
            "caltech",
            ["<b>set</b>", "n", "%"],
            [["SVM (1)", "15", "44.8"], ["softmax (7)", "60", ""]],
        ),
        Table("caltech", ["other"], [["1"]]),
    ]


def test_transfer_finds_the_tables_and_pictures_of_several_commands(tmp_path):
    png = encoded(picture(40, 30), "PNG")
    tree = {
        "caltech_101/caltech.md": MARKDOWN.encode(),
        "caltech_101/by_layer.png": png,
        "pascal.md": b"| class | % |\n|---|---|\n| cat | 91.2 |\n",
    }
    section = transfer(write_tree(tmp_path, tree))
    captions = [table.caption for table in section.tables]
    assert captions == ["pascal", "caltech 101 caltech", "caltech 101 caltech"]
    assert [shown.width for shown in section.pictures] == [40]


def test_transfer_without_a_table_says_so(tmp_path):
    with pytest.raises(UsageError, match="--transfer"):
        transfer(None)
    with pytest.raises(RunError, match="no Markdown file with a table"):
        transfer(tmp_path)
    with pytest.raises(RunError, match="cannot read what is in .*nowhere"):
        transfer(tmp_path / "nowhere")


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
    assert "Of 3 pairs of rows 1 stand in the paper's order" in section.ours[0]
    assert section.pictures == ()


def test_ablation_without_its_numbers_is_damaged(tmp_path):
    with pytest.raises(UsageError, match="--ablation"):
        ablation(None)
    record = ablation_record()
    del record["rows"][0]["label"]
    write_json(tmp_path / "ablation.json", record)
    with pytest.raises(RunError, match="has no 'label': it is damaged"):
        ablation(tmp_path)


def test_names_with_bars_and_angles_stay_one_cell():
    cells = [table_cell(name) for name in ("a|b", "<i>", "plain")]
    text = f"| class | x | y |\n|---|---|---|\n| {' | '.join(cells)} |\n"
    (table,) = markdown_tables(text, "")
    assert table.rows == [["a|b", "<i>", "plain"]]


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
