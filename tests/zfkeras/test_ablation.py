import pytest

from tests.helpers.records import read_results
from tests.zfkeras.training.test_ablation import row
from zfkeras.ablation import main
from zfkeras.training import ablation


def ablate(workdir, *arguments):
    return main(["--data", "shapes", "--workdir", str(workdir), *arguments])


def test_one_command_makes_table_picture_and_record(tmp_path, capsys, monkeypatch):
    trained = []

    def run_ablation(config, variants, folder):
        trained.extend(variants)
        rows = [row("full", 0.5, 0.0), row("small", 0.6, 0.05)]
        rows = [{**one, "change_standard_error": 0.01} for one in rows]
        budget = {"epochs": config.epochs, "num_classes": None, "validation_images": 9}
        return {"rows": rows, "order": ablation.order(rows), "budget": budget}

    monkeypatch.setattr(ablation, "run_ablation", run_ablation)
    workdir = tmp_path / "ablation"
    assert ablate(workdir, "--changes", "without_3_4_6_7", "--epochs", "1") == 0
    assert trained == ["zfnet_quarter", "zfnet_quarter_without_3_4_6_7"]
    record = read_results(workdir, "ablation")
    assert [one["label"] for one in record["rows"]] == ["full", "small"]
    assert record["command"] and record["budget"]["epochs"] == 1
    said = capsys.readouterr().out
    assert (workdir / "ablation.md").read_text() in said
    assert (workdir / "ablation.png").stat().st_size > 10_000
    assert f"results in {workdir}/ablation.json" in said


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
