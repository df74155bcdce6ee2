import pytest

from transfer import beam_features as features
from visualize import beam_features as scan
from zfkeras.passes.beam import pipeline


@pytest.mark.parametrize("command", [features, scan])
def test_a_command_says_what_is_missing(command, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(pipeline, "DoFn", object)
    words = ["--data", "shapes", "--workdir", str(tmp_path / "run")]
    assert command.main(words) == 2
    said = capsys.readouterr().err
    assert "needs Apache Beam: pip install 'zfkeras[beam]'" in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", [features, scan])
def test_beams_options_stand_behind_two_dashes(command):
    parse = command.build_parser().parse_args
    beam = ["--runner", "FlinkRunner", "--batch-size", "2"]
    args = parse(["--data", "shapes", "--batch-size", "8", "--", *beam])
    assert args.beam == beam and args.batch_size == 8
    assert parse(["--data", "shapes"]).beam == []


@pytest.mark.parametrize("command", [features, scan])
def test_a_word_that_is_nobodys_is_refused(command, capsys):
    assert command.main(["--data", "shapes", "--runner", "FlinkRunner"]) == 2
    assert "--runner" in capsys.readouterr().err
