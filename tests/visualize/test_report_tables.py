import pytest

from tests.helpers.pictures import encoded, picture
from tests.helpers.trees import write_tree
from visualize.page import Table
from visualize.report_figures import Unavailable
from visualize.report_sections import Damaged
from visualize.report_tables import ablation, markdown_tables, transfer
from zfkeras.files import write_json
from zfkeras.terminal import table_cell

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
    section = transfer("Tables 4 to 7: transfer", write_tree(tmp_path, tree))
    captions = [table.caption for table in section.tables]
    assert captions == ["pascal", "caltech 101 caltech", "caltech 101 caltech"]
    assert [shown.width for shown in section.pictures] == [40]


def test_transfer_without_a_table_says_so(tmp_path):
    with pytest.raises(Unavailable, match="--transfer"):
        transfer("t", None)
    with pytest.raises(Damaged, match="no Markdown file with a table"):
        transfer("t", tmp_path)
    with pytest.raises(Damaged, match="cannot read what is in .*nowhere"):
        transfer("t", tmp_path / "nowhere")


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
    section = ablation("Table 3: parts", tmp_path)
    ours = ["layer 7 removed", "1,234,567", "–", "62.5", "-3.1"]
    assert section.tables[0].rows == [[*ours, "40.0", "+2.0"], [*ours, "–", "–"]]
    assert "Of 3 pairs of rows 1 stand in the paper's order" in section.ours[0]
    assert section.pictures == ()


def test_ablation_without_its_numbers_is_damaged(tmp_path):
    with pytest.raises(Unavailable, match="--ablation"):
        ablation("t", None)
    record = ablation_record()
    del record["rows"][0]["label"]
    write_json(tmp_path / "ablation.json", record)
    with pytest.raises(Damaged, match="has no 'label': it is damaged"):
        ablation("t", tmp_path)


def test_names_with_bars_and_angles_stay_one_cell():
    # Previously two cells, and a literal "&lt;" on the page.
    cells = [table_cell(name) for name in ("a|b", "<i>", "plain")]
    text = f"| class | x | y |\n|---|---|---|\n| {' | '.join(cells)} |\n"
    (table,) = markdown_tables(text, "")
    assert table.rows == [["a|b", "<i>", "plain"]]
