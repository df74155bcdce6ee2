import pytest
from PIL import Image

from tests.helpers.other_networks import as_classifier, vgg
from tests.helpers.records import read_results
from visualize.sanity import main


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "model.keras"
    as_classifier(vgg(12), 12).save(path)
    return path


def test_the_command_writes_a_table_a_picture_and_a_verdict_per_layer(
    run, model, tmp_path
):
    argv = [f"--model={model}", "--data=shapes:36", "--layers=block2_pool"]
    code, out, errors = run(main, *argv, "--channels=2", "--max-images=40")
    assert (code, errors) == (0, [])
    assert "block2_pool: these projections" in out
    record = read_results(tmp_path / "out", "sanity")
    layer = record["layers"]["block2_pool"]
    assert len(layer["channels"]) == len(layer["channels_of_twin"]) == 2
    assert layer["pools_maxima"]
    for network in (layer["network"], layer["random_twin"]):
        assert {*network} == {"deconvnet", "guided", "gradient", "edges", "chance"}
        assert 0 < network["guided"]["on_object"]["mean"] < 1
        # All pixels are there at the end of insertion, none at that of deletion.
        for found in network.values():
            assert found["insertion"][-1] == found["deletion"][0] == 1
            assert found["insertion"][0] == pytest.approx(found["deletion"][-1])
    assert len(layer["likeness_when_replaced"]["guided"]["ssim"]["stages"]) == 4
    assert len(record["tables"]) == 2
    (name,) = record["pictures"]
    with Image.open(tmp_path / "out" / name) as picture:
        assert min(picture.size) > 300


@pytest.mark.parametrize(
    ("word", "named"),
    [("--layers=conv9", "conv9"), ("--channels=1", "--channels")],
)
def test_requests_that_cannot_be_met_are_refused_before_any_work(
    refusal, model, tmp_path, word, named
):
    assert named in refusal(main, f"--model={model}", "--data=shapes:36", word)
    assert not (tmp_path / "out").exists()


def test_too_few_images_are_said(refusal, model):
    argv = [f"--model={model}", "--data=shapes:36", "--layers=block2_pool"]
    assert "block2_pool" in refusal(main, *argv, "--max-images=5")
