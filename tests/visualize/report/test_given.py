import json
import os

import numpy as np
import pytest

from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize.report.given import look_at_given
from visualize.report.settings import ReportSettings
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import UsageError
from zfkeras.passes.context import Context

PREPROCESSING = Preprocessing(np.zeros((32, 32, 3), np.float32), crop_size=32)


def parts_json(x=0.5):
    return json.dumps({"parts": {f"{n}.png": {"eye": [x, 0.5]} for n in (1, 2)}})


@pytest.fixture
def folder(tmp_path):
    tree = {
        "run/snapshots/epoch-001.keras": "a",
        "run/snapshots/epoch-002.keras": "b",
        "photos/deep/1.png": png(noise(1, 32, 32)),
        "photos/2.png": png(noise(2, 32, 32)),
        "photos/notes.txt": "none",
        "parts.json": parts_json(),
        "broken.jpg": "no picture",
        "empty/.hidden.png": png(noise(3, 8, 8)),
        "tables/ablation.json": "{}",
        "tables/a/results.json": "{}",
    }
    return write_tree(tmp_path, tree)


def look(**given):
    return look_at_given(ReportSettings(**given), Context(), PREPROCESSING)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("run", "typo", "--run.*typo"),
        ("compare", ["typo.keras"], "--compare.*typo.keras"),
        ("images", ["photos", "typo.jpg"], "--images.*typo.jpg"),
        ("images", ["broken.jpg"], "--images.*broken.jpg"),
        ("images", ["empty"], "--images.*empty"),
        ("parts", "typo.json", "--parts.*typo.json"),
        ("parts", "parts.json", "1.png.*--parts-images"),
        ("parts_images", "photos", "--parts-images.*--parts"),
        ("ablation", "run", "--ablation.*ablation.json"),
        ("transfer", "parts.json", "--transfer.*a folder"),
        ("transfer", "photos", "--transfer.*results.json"),
    ],
)
def test_what_is_not_there_is_refused(folder, argument, value, message):
    (folder / "photos" / "deep" / "1.png").rename(folder / "other.png")
    if isinstance(value, str):
        value = folder / value
    else:
        value = [folder / name for name in value]
        value = [*map(str, value)] if argument == "compare" else value
    with pytest.raises((UsageError, FileNotFoundError), match=message):
        look(**{argument: value})


def test_a_digest_changes_with_the_files_behind_its_argument(folder):
    given = {
        "run": folder / "run",
        "images": [folder / "photos", folder / "photos" / "2.png"],
        "parts": folder / "parts.json",
        "parts_images": folder / "photos",
    }
    before = look(**given)
    assert before.keys() == {"run", "images", "parts"}
    assert look(**given) == before
    write_tree(folder, {"photos/notes.txt": "some", "run/log.txt": "x"})
    assert look(**given) == before

    def changed():
        nonlocal before
        last, before = before, look(**given)
        return {name for name in before if before[name] != last[name]}

    write_tree(folder, {"run/snapshots/epoch-003.keras": "c"})
    assert changed() == {"run"}
    write_tree(folder, {"parts.json": parts_json(0.25)})
    assert changed() == {"parts"}
    write_tree(folder, {"photos/3.png": png(noise(3, 32, 32))})
    assert changed() == {"images"}
    write_tree(folder, {"photos/2.png": png(noise(4, 32, 32))})
    os.utime(folder / "photos" / "2.png", ns=(1, 1))  # as slow as clocks may be
    assert changed() == {"images", "parts"}
