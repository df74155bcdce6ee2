import numpy as np
import pytest

pytest.importorskip("apache_beam", reason="needs the extra beam")

from visualize import beam_features, features
from visualize.strongest import beam_scan
from visualize.strongest.scan_state import load_state
from visualize.strongest.top_activations import TopActivations
from zfkeras.data.register import open_source
from zfkeras.models.presets import load

DATA, NUMBER, BATCH = "shapes:16:45", 45, 8
HERE = ["--", "--runner", "DirectRunner"]
SEVERAL = ["--direct_running_mode", "multi_processing", "--direct_num_workers", "2"]


def words(model_file, workdir):
    common = ["--data", DATA, "--split", "train", "--model", str(model_file)]
    common += ["--layers", "1,2,5", "--batch-size", str(BATCH)]
    return [*common, "--workdir", str(workdir)]


def run(model_file, workdir, *more, beam=HERE):
    mine = ["--shard-size", "16", *more]
    return beam_features.main([*words(model_file, workdir), *mine, *beam])


def single(model_file, path, count=9):
    split = open_source(DATA).split("train")
    finder = TopActivations(load(str(model_file)), [1, 2, 5], count)
    finder.scan(split, batch_size=BATCH, state_path=path, data=f"{DATA} train")
    return load_state(path)


def assert_same(one, other):
    assert one.key == other.key and one.layers == other.layers
    assert one.is_complete and other.is_complete
    assert one.num_images == other.num_images == NUMBER
    assert np.array_equal(one.values, other.values)
    assert np.array_equal(one.places, other.places)


def test_the_file_is_that_of_a_single_scan(model_file, tmp_path):
    assert run(model_file, tmp_path / "run") == 0
    found = load_state(tmp_path / "run" / "top_activations.npz")
    assert_same(found, single(model_file, tmp_path / "alone.npz"))
    left = [p for p in (tmp_path / "run" / "exchange").rglob("*") if p.is_file()]
    assert left == []


def test_visualize_features_draws_it_without_a_pass(model_file, tmp_path, monkeypatch):
    assert run(model_file, tmp_path) == 0

    def refuse(*args):
        raise AssertionError("scanned once more")

    monkeypatch.setattr("visualize.strongest.scan.Scan.run", refuse)
    assert features.main([*words(model_file, tmp_path), "--channels", "2"]) == 0
    assert (tmp_path / "features.png").is_file()


def test_a_scan_that_is_there_is_not_run_again(model_file, tmp_path, monkeypatch):
    single(model_file, tmp_path / "top_activations.npz")
    monkeypatch.delattr(beam_scan, "run_pipeline")
    assert run(model_file, tmp_path, "--top", "5") == 0
