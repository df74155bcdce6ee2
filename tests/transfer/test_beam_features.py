import numpy as np
import pytest

pytest.importorskip("apache_beam", reason="needs requirements-beam.txt")

from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from transfer import beam_features
from transfer.features import beam_extraction
from transfer.features import extraction as features
from transfer.features.beam_extraction import shard_path
from transfer.features.extraction import extract
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import open_source
from zfkeras.models.presets import load
from zfkeras.passes.beam.job import shards

NUMBER, BATCH, SHARD = 23, 4, 8
# In one process, which needs no download and no container.
HERE = ["--", "--runner", "DirectRunner"]
SEVERAL = ["--direct_running_mode", "multi_processing", "--direct_num_workers", "2"]


@pytest.fixture
def images(tmp_path):
    files = {
        f"{name}/{number}.png": png(noise(20 * label + number, 64, 64))
        for label, name in enumerate(("cat", "dog"))
        for number in range(NUMBER // 2 + label)
    }
    return write_tree(tmp_path / "images", files)


def run(images, model_file, tmp_path, *more, beam=HERE):
    words = ["--data", f"folder:{images}", "--model", str(model_file)]
    words += ["--cache", str(tmp_path / "cache"), "--workdir", str(tmp_path / "run")]
    words += ["--layer", "1,5", "--batch-size", str(BATCH), "--shard-size", str(SHARD)]
    return beam_features.main([*words, *more, *beam])


def record(tmp_path):
    return read_results(tmp_path / "run", "beam_features")


def single(images, model_file, cache, bad=0.01):
    split = open_source(f"folder:{images}").split("train")
    return extract(
        load(str(model_file)),
        split,
        (1, 5),
        cache,
        data=f"folder:{images}",
        batch_size=BATCH,
        bad_images=BadImages(split.num_examples, bad),
    )


def assert_same_as_a_single_pass(images, model_file, tmp_path, monkeypatch, bad=0.01):
    alone = single(images, model_file, tmp_path / "alone", bad)
    with monkeypatch.context() as patch:
        patch.delattr(features, "_compute")  # what is not found would be computed
        found = single(images, model_file, tmp_path / "cache", bad)
    assert np.array_equal(found.labels, alone.labels)
    assert np.array_equal(found.positions, alone.positions)
    for layer in (1, 5):
        assert found.layers[layer].dtype == np.float16
        assert np.array_equal(found.layers[layer], alone.layers[layer])
    return found


def test_the_cache_is_that_of_a_single_pass(images, model_file, tmp_path, monkeypatch):
    assert run(images, model_file, tmp_path) == 0
    assert record(tmp_path)["num_shards"] == 3
    assert record(tmp_path)["num_images"] == NUMBER
    found = assert_same_as_a_single_pass(images, model_file, tmp_path, monkeypatch)
    assert found.positions.tolist() == [*range(NUMBER)]
    left = [p for p in (tmp_path / "run" / "exchange").rglob("*") if p.is_file()]
    assert left == []


@pytest.mark.slow
def test_several_processes_answer_as_one(images, model_file, tmp_path, monkeypatch):
    beam = [*HERE, *SEVERAL]
    assert run(images, model_file, tmp_path, beam=beam) == 0
    assert_same_as_a_single_pass(images, model_file, tmp_path, monkeypatch)


def test_bad_images_are_left_out_and_counted(
    images, model_file, tmp_path, monkeypatch, capsys
):
    (images / "cat" / "10.png").write_bytes(b"no image")
    (images / "dog" / "11.png").write_bytes(b"no image")
    assert run(images, model_file, tmp_path) == 1
    assert "of 23 images cannot be read" in capsys.readouterr().err
    assert run(images, model_file, tmp_path, "--max-bad-fraction", "0.2") == 0
    assert record(tmp_path)["bad_images"]["count"] == 2
    assert record(tmp_path)["num_shards_computed"] == 0
    found = single(images, model_file, tmp_path / "cache", 0.2)
    alone = single(images, model_file, tmp_path / "alone", 0.2)
    assert np.array_equal(found.positions, alone.positions)
    for layer in (1, 5):
        # Behind a bad image a single pass forms other batches, which round otherwise.
        one, two = (f.layers[layer].astype(float) for f in (found, alone))
        np.testing.assert_allclose(one[:21], two[:21], rtol=2e-3, atol=1e-3)


def test_a_rerun_takes_over_whole_shards_and_mends_damaged_ones(
    images, model_file, tmp_path, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        patch.setattr(beam_extraction.Extraction, "_assemble", interrupted)
        assert run(images, model_file, tmp_path) == 1
    (folder,) = (tmp_path / "run" / "exchange").iterdir()
    plan = shards(NUMBER, SHARD, BATCH)
    paths = [shard_path(str(folder), shard) for shard in plan]
    assert {str(path) for path in folder.iterdir()} == {*paths}
    with open(paths[1], "r+b") as file:
        file.seek(200)
        file.write(b"damage")
    assert run(images, model_file, tmp_path) == 1
    assert "damaged" in capsys.readouterr().err
    assert run(images, model_file, tmp_path) == 0
    assert record(tmp_path)["num_shards_computed"] == 1
    assert_same_as_a_single_pass(images, model_file, tmp_path, monkeypatch)


def interrupted(*args):
    raise KeyboardInterrupt


def test_layers_may_be_named(images, model_file, tmp_path, monkeypatch):
    assert run(images, model_file, tmp_path, "--layer", "5,conv2") == 0
    assert record(tmp_path)["layers"] == [5, "conv2"]
    split = open_source(f"folder:{images}").split("train")
    monkeypatch.delattr(features, "_compute")  # what is not found would be computed
    found = extract(
        load(str(model_file)),
        split,
        ["conv2", 5],
        tmp_path / "cache",
        data=f"folder:{images}",
        batch_size=BATCH,
    )
    assert [*found.layers] == [5, "conv2"]
    assert found.layers["conv2"].shape[0] == NUMBER


def test_what_is_in_the_cache_is_not_computed_again(
    images, model_file, tmp_path, monkeypatch
):
    single(images, model_file, tmp_path / "cache")
    monkeypatch.delattr(beam_extraction, "run_pipeline")
    assert run(images, model_file, tmp_path) == 0
    assert record(tmp_path)["layers"] == []


def test_a_wrong_layer_and_a_wrong_split_are_refused(
    images, model_file, tmp_path, capsys
):
    assert run(images, model_file, tmp_path, "--layer", "7") == 2
    assert "--layer must be one of" in capsys.readouterr().err
    assert run(images, model_file, tmp_path, "--split", "test") == 2
    assert "split must be one of" in capsys.readouterr().err


def test_a_worker_that_fails_ends_the_run_in_one_line(
    images, model_file, tmp_path, monkeypatch, capsys
):
    def fail(*args):
        raise ValueError("a worker's trouble")

    monkeypatch.setattr(beam_extraction.Extractor, "batches", fail)
    assert run(images, model_file, tmp_path) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "error: the pipeline failed: " in last and "a worker's trouble" in last
