import numpy as np
import pytest

pytest.importorskip("apache_beam", reason="needs the extra beam")

from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from transfer import beam_features
from transfer.features import beam_extraction
from transfer.features.extraction import extract
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import open_source
from zfkeras.models.presets import load
from zfkeras.passes.beam import shards as beam_shards
from zfkeras.passes.sharded import shard_path, shards

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


@pytest.fixture
def run(images, model_file, tmp_path):
    """Runs the command; returns its exit code and its record, if it was written."""

    def run(*more, beam=HERE):
        words = ["--data", f"folder:{images}", "--model", str(model_file)]
        words += ["--cache", str(tmp_path / "cache"), "--layer", "1,conv2"]
        words += ["--workdir", str(tmp_path / "run")]
        words += ["--batch-size", str(BATCH), "--shard-size", str(SHARD)]
        code = beam_features.main([*words, *more, *beam])
        return code, None if code else read_results(tmp_path / "run", "beam_features")

    return run


@pytest.fixture
def single(images, model_file, tmp_path):
    """Extracts the same features in this process."""

    def single(cache):
        return extract(
            load(str(model_file)),
            open_source(f"folder:{images}").split("train"),
            (1, "conv2"),
            tmp_path / cache,
            data=f"folder:{images}",
            batch_size=BATCH,
            shard_size=SHARD,
            bad_images=BadImages(NUMBER, 0.2),
        )

    return single


def assert_same_as_a_single_pass(single):
    alone, found = single("alone"), single("cache")
    assert alone.seconds > found.seconds == 0
    assert np.array_equal(found.labels, alone.labels)
    assert np.array_equal(found.positions, alone.positions)
    for layer in (1, "conv2"):
        assert found.layers[layer].dtype == np.float16
        assert np.array_equal(found.layers[layer], alone.layers[layer])


@pytest.mark.parametrize("beam", [[], pytest.param(SEVERAL, marks=pytest.mark.slow)])
def test_the_cache_is_that_of_a_single_pass(run, single, tmp_path, monkeypatch, beam):
    code, record = run(beam=[*HERE, *beam])
    assert code == 0
    assert (record["num_shards"], record["num_images"]) == (3, NUMBER)
    assert record["layers"] == [1, "conv2"]
    assert_same_as_a_single_pass(single)
    assert not [p for p in (tmp_path / "run" / "exchange").rglob("*") if p.is_file()]
    monkeypatch.delattr(beam_shards, "run_pipeline")
    assert run()[1]["layers"] == []


def test_bad_images_are_left_out_and_counted(run, single, images, capsys):
    (images / "cat" / "10.png").write_bytes(b"no image")
    (images / "dog" / "11.png").write_bytes(b"no image")
    assert run()[0] == 1
    assert "of 23 images cannot be read" in capsys.readouterr().err
    code, record = run("--max-bad-fraction", "0.2")
    assert (code, record["bad_images"]["count"]) == (0, 2)
    assert record["num_shards_computed"] == 0
    assert_same_as_a_single_pass(single)


def test_a_rerun_takes_over_whole_shards_and_mends_damaged_ones(
    run, single, tmp_path, monkeypatch, caplog
):
    def interrupt(*args, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(beam_extraction, "extract", interrupt)
        assert run()[0] == 1
    (folder,) = (tmp_path / "run" / "exchange").iterdir()
    paths = [shard_path(folder, shard) for shard in shards(NUMBER, SHARD, BATCH)]
    assert {str(path) for path in folder.iterdir()} == {*paths}
    with open(paths[1], "r+b") as file:
        file.seek(200)
        file.write(b"damage")
    code, record = run()
    assert (code, record["num_shards_computed"]) == (0, 0)
    assert "is damaged" in caplog.text
    assert_same_as_a_single_pass(single)


def test_a_wrong_layer_and_a_wrong_split_are_refused(run, capsys):
    assert run("--layer", "7")[0] == 2
    assert "layer must be one of" in capsys.readouterr().err
    assert run("--split", "test")[0] == 2
    assert "split must be one of" in capsys.readouterr().err


def test_a_worker_that_fails_ends_the_run_in_one_line(run, monkeypatch, capsys):
    def fail(*args):
        raise ValueError("a worker's trouble")

    monkeypatch.setattr(beam_shards, "write_shard", fail)
    assert run()[0] == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "error: the pipeline failed: " in last and "a worker's trouble" in last
