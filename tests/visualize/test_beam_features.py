import dataclasses

import numpy as np
import pytest

pytest.importorskip("apache_beam", reason="needs the extra beam")

from tests.helpers.records import read_results
from visualize import beam_features, features
from visualize.strongest.top_activations import TopActivations
from zfkeras.data.register import open_source
from zfkeras.models.presets import load
from zfkeras.passes.beam import shards

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


def single(model_file, folder, count=9):
    split = open_source(DATA).split("train")
    finder = TopActivations(load(str(model_file)), [1, 2, 5], count)
    return finder.scan(split, batch_size=BATCH, folder=folder, data=f"{DATA} train")


def assert_same(found, expected):
    for layer in expected:
        for field in dataclasses.fields(expected[layer]):
            one, other = (getattr(x[layer], field.name) for x in (found, expected))
            np.testing.assert_array_equal(one, other, field.name)


@pytest.mark.parametrize("beam", [[], pytest.param(SEVERAL, marks=pytest.mark.slow)])
def test_what_is_kept_is_that_of_a_single_scan(model_file, tmp_path, beam, monkeypatch):
    expected = single(model_file, tmp_path / "alone")
    assert run(model_file, tmp_path / "run", beam=[*HERE, *beam]) == 0
    left = [p for p in (tmp_path / "run" / "exchange").rglob("*") if p.is_file()]
    assert left == []
    monkeypatch.setattr("zfkeras.passes.sharded.evaluation_batches", None)
    assert_same(single(model_file, tmp_path / "run" / "top_activations"), expected)
    record = read_results(tmp_path / "run", "beam_features")
    assert (record["num_images"], record["count"]) == (NUMBER, 9)
    assert record["num_shards_computed"] == record["num_shards"] == 3


def test_visualize_features_draws_it_without_a_pass(model_file, tmp_path, monkeypatch):
    assert run(model_file, tmp_path) == 0
    monkeypatch.setattr("zfkeras.passes.sharded.evaluation_batches", None)
    assert features.main([*words(model_file, tmp_path), "--channels", "2"]) == 0
    assert (tmp_path / "features.png").is_file()


def test_a_scan_that_is_there_is_not_run_again(model_file, tmp_path, monkeypatch):
    single(model_file, tmp_path / "top_activations")
    monkeypatch.delattr(shards, "run_pipeline")
    assert run(model_file, tmp_path, "--top", "5") == 0


def test_a_rerun_takes_over_whole_shards(model_file, tmp_path, monkeypatch):
    def interrupt(*args, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shards.ShardsElsewhere, "copy_to", interrupt)
        assert run(model_file, tmp_path) == 1
    assert run(model_file, tmp_path) == 0
    assert read_results(tmp_path, "beam_features")["num_shards_computed"] == 0
    expected = single(model_file, tmp_path / "alone")
    assert_same(single(model_file, tmp_path / "top_activations"), expected)
