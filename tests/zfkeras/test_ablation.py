import pytest

from tests.helpers.records import read_results
from zfkeras.ablation import main
from zfkeras.experiments import ablation_rows


def ablate(workdir, *arguments):
    return main(["--data", "shapes", "--workdir", str(workdir), *arguments])


def test_one_command_makes_table_picture_and_record(tmp_path, capsys, monkeypatch):
    recipes = []

    def train_rows(config, variants, context):
        context.claim_workdir()
        recipes.append(config)
        errors = {"train_top1_error": 0.4, "top1_error": 0.5, "top5_error": 0.2}
        about = {"parameters": 9, "num_images": 9}
        return [{"variant": variant, **about, **errors} for variant in variants]

    monkeypatch.setattr(ablation_rows, "train_rows", train_rows)
    workdir = tmp_path / "ablation"
    words = ["--changes", "without_3_4_6_7", "--epochs", "1", "--num-classes", "3"]
    words += ["--set", "batch_size=16", "--set", "optimizer.momentum=0.8"]
    assert ablate(workdir, *words) == 0
    (recipe,) = recipes
    assert (recipe.data.source, recipe.data.num_classes) == ("shapes", 3)
    assert (recipe.batch_size, recipe.optimizer.momentum) == (16, 0.8)
    assert (recipe.snapshot_epochs, recipe.model.weights) == ((), None)
    record = read_results(workdir, "ablation")
    assert [one["variant"] for one in record["rows"]] == [
        "zfnet_quarter",
        "zfnet_quarter_without_3_4_6_7",
    ]
    assert record["command"] and record["budget"]["epochs"] == 1
    assert record["settings"]["assignments"] == ["batch_size=16", words[-1]]
    said = capsys.readouterr().out
    assert (workdir / "ablation.md").read_text() in said
    assert (workdir / "ablation.png").stat().st_size > 10_000
    assert f"{workdir}/ablation.json" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--changes", "without_8"), "without_3_4, without_7"),
        (("--set", "model.variant=alexnet"), "--base and --changes choose the rows"),
    ],
)
def test_rows_that_are_none_are_bad_usage(words, message, tmp_path, capsys):
    assert ablate(tmp_path / "out", *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
