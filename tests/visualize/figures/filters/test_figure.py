import pytest
from PIL import Image

from tests.helpers.networks import make_classifier
from tests.helpers.records import read_results
from visualize.figures.filters.figure import filter_table, findings
from visualize.filters import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """ZFNet with a dead filter, which never is active, and AlexNet."""
    folder = tmp_path_factory.mktemp("models")
    ours = make_classifier(1, "ab")
    conv = ours.model.get_layer("conv1")
    kernel, bias = conv.get_weights()
    kernel[..., 5] *= 1e-3
    bias[5] = -1
    conv.set_weights([kernel, bias])
    ours.save(folder / "ours.keras")
    alexnet = make_classifier(2, "ab", "alexnet_quarter_without_6_7")
    (folder / "alexnet").mkdir()
    alexnet.save(folder / "alexnet" / "model.keras")
    return folder


def test_networks_are_compared_side_by_side(run, files, image_folder, tmp_path):
    argv = [f"--model={files}/ours.keras", f"--model={files}/alexnet/model.keras"]
    assert run(main, *argv, f"--data=folder:{image_folder}")[0] == 0
    for name in ("filters.png", "layer2.png"):
        with Image.open(tmp_path / "out" / name) as picture:
            assert min(picture.size) > 300
    record = read_results(tmp_path / "out", "filters")
    ours, alexnet = record["networks"]
    assert (ours["label"], alexnet["label"]) == ("ours", "alexnet")
    assert (ours["stride"], alexnet["stride"]) == ([2, 2], [4, 4])
    assert (ours["kernel_size"], alexnet["kernel_size"]) == ([7, 7], [11, 11])
    assert ours["dead"]["channels"] == ours["never_active"]["channels"] == [5]
    assert alexnet["dead"]["count"] == 0
    assert (ours["layer_2"]["layer"], alexnet["layer_2"]["layer"]) == ("norm2", "pool2")
    for network in (ours, alexnet):
        shares = network["layer_2"]["share_of_power"]
        fine, coarse = (shares[f"above_1/{n}_cycles_per_pixel"] for n in (4, 8))
        for what in ("reconstructions", "images"):
            assert 0 < fine[what] < coarse[what] < 1
        # White noise: what lies outside a square of half or a quarter of the side.
        assert fine["images"] == pytest.approx(1 - 1 / 4, abs=0.03)
        assert coarse["images"] == pytest.approx(1 - 1 / 16, abs=0.03)


def test_without_data_only_filters_are_drawn(run, files, tmp_path):
    assert run(main, f"--model={files}/ours.keras", "--label=<b>$x$</b>")[0] == 0
    record = read_results(tmp_path / "out", "filters")
    (network,) = record["networks"]
    assert network["label"] == "<b>$x$</b>" and "never_active" not in network
    assert record["pictures"] == ["filters.png"]


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--label=a", "--label=b"], "1 models, 2 labels"),
        (["--data=shapes", "--layer=9"], "9"),
        (["--data=shapes", "--layer=0"], "Received: 0"),
        (["--layer=conv3"], "--layer needs --data"),
    ],
)
def test_requests_that_cannot_be_met_are_refused(refusal, files, argv, named):
    assert named in refusal(main, f"--model={files}/ours.keras", *argv)


def a_network(**changes):
    shares = {"low": 0.5, "middle": 0.25, "high": None}
    return {
        "label": "<b>",
        "kernel_size": [7, 7],
        "stride": [2, 2],
        "filters": 64,
        "dead": {"count": 3},
        "rms": {"dominance": 1.234},
        "frequency": {"mean_share_of_power": shares},
        "neighbour_correlation": None,
        **changes,
    }


def seen(stride, **shares):
    name = f"above_1/{2 * stride}_cycles_per_pixel"
    return {"stride": [stride] * 2, "layer_2": {"share_of_power": {name: shares}}}


def test_sentences_and_table_name_each_network():
    images = seen(2, reconstructions=0.231, images=None)
    other = a_network(
        label="ZFNet", never_active={"count": 2}, neighbour_correlation=0.55, **images
    )
    first, second = findings([a_network(), other])
    assert "correlate" not in first and "correlate by 0.55" in second
    assert "23.1 %" in second and "1/4 cycles per pixel" in second
    assert filter_table([a_network(), other]).rows == [
        ["<b>", "7x7/2", "3 of 64", "–", "1.23", "–", "50 %", "25 %", "–"],
        ["ZFNet", "7x7/2", "3 of 64", "2", "1.23", "0.55", "50 %", "25 %", "–"],
    ]
