"""A folder of broken and hostile images under hostile names, through the commands."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.image_bombs import png_that_claims
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import training_batches
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source

CLASSES = (
    "<script>alert(1)<",
    r"$x^2$ $\frac{1}{0}$",
    "a|b\nc\x1b[2J\x07",
    os.fsdecode(b"caf\xe9 \xe2\x80\xae"),
)
SOUND = 12  # of each class


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Folder of classes, how many images are sound, how many are bad."""
    sound = {
        f"{name}/sound-{i}.png": png(noise(100 * label + i, 66, 66) // 4 + 60 * label)
        for label, name in enumerate(CLASSES)
        for i in range(SOUND)
    }
    whole = png(noise(0, 66, 66))
    contents = (b"", b"text", whole[:200], png_that_claims(20_000, 20_000))
    bad = {
        f"{name}/\x1b[31m{number}\n.png": content
        for name in CLASSES
        for number, content in enumerate(contents)
    }
    root = tmp_path_factory.mktemp("hostile") / "images"
    return write_tree(root, {**sound, **bad}), len(sound), len(bad)


def run(module, *arguments, folder):
    """What a command says on stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "TMPDIR": str(folder)},
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 0, err
    assert "Traceback" not in err and "Warning" not in err
    assert not {char for char in out if not char.isprintable()} - {"\n"}
    assert "\x1b[31m" not in err and "\x1b[2J" not in err and "\x07" not in err
    return out, err


def test_a_training_pipeline_leaves_bad_images_out_and_counts_them(hostile):
    root, good, bad = hostile
    split = open_source(f"folder:{root}").split("train")
    tally = BadImages(split.num_examples, 1.0)
    preprocessing = Preprocessing(np.zeros((64, 64, 3), np.float32), crop_size=56)
    batches = training_batches(
        split, preprocessing, 1, seed=0, epoch=0, bad_images=tally
    )
    seen = 0
    for batch in batches.as_numpy_iterator():
        assert batch["image"].shape == (1, 64, 64, 3)
        seen += 1
    assert (seen, tally.count) == (good, bad)
    assert all("\x1b[31m" in name for name in tally.to_json()["images"])


@pytest.mark.slow
def test_transfer_and_predict_leave_bad_images_out_and_count_them(
    hostile, model_file, tmp_path
):
    root, good, bad = hostile
    places = ("--workdir", tmp_path / "out", "--cache", tmp_path / "cache")
    out, err = run(
        "transfer.folder",
        root,
        *("--model", model_file, "--max-bad-fraction", 1, *places),
        folder=tmp_path,
    )
    results = json.loads((tmp_path / "out" / "folder.json").read_text())
    assert results["bad_images"]["count"] == bad
    assert results["num_train"] + results["num_test"] == good
    assert {*results["class_names"]} == {*CLASSES}
    assert f"left out: {bad} unreadable images" in out
    assert err.count("bad image ") == min(bad, 10)  # then in silence
    assert (tmp_path / "out" / "confusion.png").stat().st_size > 1000
    # The model has the hostile names now.
    (folder,) = [path for path in root.iterdir() if path.name == CLASSES[1]]
    out, err = run(
        "zfkeras.predict",
        folder,
        *("--model", tmp_path / "out" / "model.keras", "--workdir", tmp_path / "p"),
        folder=tmp_path,
    )
    record = json.loads((tmp_path / "p" / "predictions.json").read_text())
    left_out = record["left_out"]
    number = len([*folder.iterdir()])
    assert len(record["predictions"]) + len(left_out) == number
    assert len(record["predictions"]) >= SOUND and left_out
    assert f"left out: {len(left_out)} of {number} files" in out
    assert err.count("left out: ") == len(left_out)
    assert (tmp_path / "p" / "predictions.png").stat().st_size > 10_000
