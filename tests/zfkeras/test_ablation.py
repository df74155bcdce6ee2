from tests.helpers.records import read_results
from tests.zfkeras.training.test_ablation import folder_with_validation
from zfkeras.ablation import main


def ablate(folder, workdir, *arguments):
    recipe = ("--config", "zfnet_shapes", "--epochs", "1", "--set", "batch_size=8")
    data = ("--data", f"folder:{folder}", "--workdir", str(workdir))
    return main([*data, *recipe, *arguments])


def test_one_command_makes_table_picture_and_record(tmp_path, capsys):
    folder = folder_with_validation(tmp_path / "images")
    workdir = tmp_path / "ablation"
    assert ablate(folder, workdir, "--changes", "without_3_4_6_7") == 0
    record = read_results(workdir, "ablation")
    assert [row["label"] for row in record["rows"]] == [
        "full network",
        "layers 3, 4, 6, 7 removed",
    ]
    assert record["command"] and record["budget"]["recipe"] == "zfnet_shapes"
    said = capsys.readouterr().out
    assert (workdir / "ablation.md").read_text() in said
    assert (workdir / "ablation.png").stat().st_size > 10_000
    assert f"results in {workdir}/ablation.json" in said


def test_an_unknown_change_is_bad_usage(tmp_path, capsys):
    assert ablate(tmp_path, tmp_path / "out", "--changes", "without_8") == 2
    assert "without_3_4, without_7" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_variant_for_every_row_is_bad_usage(tmp_path, capsys):
    # Previously passed over.
    words = ("--set", "model.variant=alexnet")
    assert ablate(tmp_path, tmp_path / "out", *words) == 2
    assert "--base and --changes choose the rows" in capsys.readouterr().err
