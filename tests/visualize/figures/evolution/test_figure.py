import shutil

import numpy as np
import pytest
from PIL import Image

from tests.helpers.records import read_results
from tests.helpers.trees import write_tree
from visualize.evolution import main
from visualize.figures.evolution.figure import findings, history_table
from visualize.figures.evolution.history import LayerHistory


@pytest.fixture(scope="module")
def training(snapshots):
    return snapshots({2: 5, 5: 6, 10: 6})


def test_the_command_writes_picture_and_record(run, training, image_folder, tmp_path):
    argv = [f"--run={training}", f"--data=folder:{image_folder}", "--max-images=5"]
    argv += ["--layers=1", "--channels=3", "--probes=2"]
    code, out, _ = run(main, *argv)
    assert code == 0 and "layer 1 (norm1) " in out
    with Image.open(tmp_path / "out" / "evolution.png") as picture:
        assert min(picture.size) > 300
    record = read_results(tmp_path / "out", "evolution")
    assert (record["images"], record["epochs"]) == (5, [2, 5, 10])
    assert record["paper"]["epochs"] == [1, 2, 5, 10, 20, 30, 40, 64]
    layer = record["layers"]["norm1"]
    assert layer["settled_epoch"] == 5 and len(layer["channels"]) == 3
    for rows in layer["channels"].values():
        assert [row["epoch"] for row in rows] == [2, 5, 10]
        assert rows[1]["image"] == rows[2]["image"] and rows[2]["activation"] > 0
        assert rows[1]["image"].endswith(".png")


def test_unreadable_images_are_left_out_and_counted_probes_too(
    run, training, image_folder, tmp_path
):
    folder = shutil.copytree(image_folder, tmp_path / "images")
    write_tree(folder / "train" / "bee", {"9.png": "no picture"})
    argv = [f"--run={training}", f"--data=folder:{folder}", "--epochs", 2, 10]
    argv += ["--layers=1", "--channels=1"]
    code, _, errors = run(main, *argv)
    assert code == 1 and "1 of 13 images cannot be read" in errors[0]
    assert run(main, *argv, "--max-bad-fraction=0.2")[0] == 0
    record = read_results(tmp_path / "out", "evolution")
    assert (record["probes"], record["bad_images"]["count"]) == (12, 1)


def a_history(to_last, changed=0.5):
    """A history of three epochs, of which only some numbers matter."""
    nothing, epochs = np.zeros((1, 3)), (1, 10, 30)
    return LayerHistory(
        "x", *[nothing[0]], epochs, *[nothing] * 4, (), to_last, (0.9, changed)
    )


SETTLES = {
    1: (0.5, 0.6, 1.0),
    10: (0.1, 0.6, 1.0),
    30: (0.1, 0.2, 1.0),
    None: (0.1,) * 3,
}
NUMBERS = {"epochs": [1, 10, 30], "run": "r", "is_zfnet": True}


@pytest.mark.parametrize(
    ("settled", "verdict"),
    [
        ((1, 10, 30), "lower layers settle first, as in the paper."),
        ((1, 10, None), "lower layers settle first, as in the paper"),
        ((10, 10, 10), "settle together: the paper's order does not show"),
        ((30, 10, 1), "do not settle in the paper's order"),
        ((None, 10, 10), "do not settle in the paper's order"),
    ],
)
def test_the_order_in_which_layers_settle_is_compared(settled, verdict):
    layers = {f"layer {i}": a_history(SETTLES[one]) for i, one in enumerate(settled)}
    first, jumps = findings(NUMBERS, "9 training images", layers)
    assert verdict in first and "9 training images at 3 snapshots of r" in first
    assert jumps.count("50 %") == 2


@pytest.mark.parametrize(
    ("low", "verdict"), [(0.74, "nearer to its end (0.74)"), (0.64, "does not show")]
)
def test_layers_that_settle_at_one_snapshot_are_looked_at_more_closely(low, verdict):
    layers = {"low": a_history((0.1, low, 1.0)), "high": a_history(SETTLES[10])}
    assert verdict in findings(NUMBERS, "", layers)[0]


@pytest.mark.parametrize(
    ("settled", "said"),
    [
        ((1, 10), "settle first, as in the paper for ZFNet."),
        ((10, 1), "do not settle in the paper's order for ZFNet."),
        ((10, 10), "the paper's order for ZFNet does not show."),
    ],
)
def test_other_networks_are_not_held_to_what_the_paper_says_of_zfnet(settled, said):
    layers = {f"layer {i}": a_history(SETTLES[one]) for i, one in enumerate(settled)}
    assert said in findings({**NUMBERS, "is_zfnet": False}, "", layers)[0]


def test_two_snapshots_show_no_order():
    layers = {"low": a_history((0.6, 1.0)), "high": a_history((0.1, 1.0))}
    assert "too few to show" in findings({**NUMBERS, "epochs": [1, 2]}, "", layers)[0]


def test_the_table_has_a_column_for_each_epoch():
    table = history_table([1, 10, 30], {"norm1": a_history((np.nan, 0.6, 1.0), 0.125)})
    assert table.headings[1:4] == ["1", "10", "30"]
    assert table.rows == [["norm1", "–", "0.60", "1.00", "10", "12 %"]]
