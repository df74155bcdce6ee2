"""Commands whose passes run on processes of Dask find what one process finds."""

import os
import subprocess
import sys

import pytest

from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree

pytest.importorskip("distributed", reason="needs the extra dask")


@pytest.fixture
def folder(tmp_path):
    files = {
        f"{name}/{number}.png": png(noise(40 * label + number, 64, 64))
        for label, name in enumerate(("cat", "dog"))
        for number in range(40)
    }
    return write_tree(tmp_path / "images", files)


def run(module, *words, threads):
    """Runs a command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        env=os.environ | {"TF_NUM_INTRAOP_THREADS": str(threads)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
def test_features_are_equal_to_the_bit(folder, model_file, tmp_path):
    words = [folder, "--model", model_file, "--layer", "5", "--batch-size", "16"]
    words += ["--feature-dtype", "float32"]
    caches = []
    for name, more in (("alone", ()), ("dask", ("--engine", "dask"))):
        cache, workdir = tmp_path / f"{name}-cache", tmp_path / name
        places = ["--cache", cache, "--workdir", workdir]
        said = run("transfer.folder", *words, *places, *more, threads=1)
        assert "distributed" not in said and "features: 100%" in said
        assert read_results(workdir, "folder")["threads"] == [1]
        (path,) = cache.rglob("*.npy")
        caches.append(path.read_bytes())
    assert caches[0] == caches[1]


@pytest.mark.slow
def test_top_activations_are_equal_to_the_bit(model_file, tmp_path):
    # More than one shard.
    words = ["--data", "shapes:16:1200", "--split", "train", "--model", model_file]
    words += ["--layers", "1,5", "--channels", "2", "--top", "4"]
    records = []
    for name, more in (("alone", ()), ("dask", ("--engine", "dask"))):
        run(
            "visualize.features", *words, "--workdir", tmp_path / name, *more, threads=1
        )
        records.append(read_results(tmp_path / name, "features")["layers"])
    assert records[0] == records[1]
    assert all(layer["threads"] == [1] for layer in records[0])
