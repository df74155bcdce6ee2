import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from zfkeras.data.register import open_source
from zfkeras.data.sources.photographs import FOLDER, LICENCES, photographs, squares
from zfkeras.errors import UsageError

# Other licences restrict how a photograph, or what is made of it, may be shown.
ALLOWED = {"CC0 1.0", "public domain", "CC BY 2.0", "CC BY 3.0", "CC BY 4.0"}
MOST_BYTES, LONGEST_SIDE = 4_000_000, 512


@pytest.fixture(scope="module")
def split():
    return open_source("photographs").split("validation")


def rows_of(split):
    return [*split.stream().as_numpy_iterator()]


def test_each_photograph_has_its_entry_and_each_entry_its_photograph():
    listed = json.loads(LICENCES.read_text("utf-8"))["photographs"]
    assert {*listed} == {path.name for path in FOLDER.glob("*.jpg")}


def test_each_entry_says_whose_it_is_and_that_it_may_be_shown():
    for photo in photographs():
        assert photo.licence in ALLOWED, photo
        for value in (photo.title, photo.author, photo.taken_from, photo.shows):
            assert value == value.strip() and value, photo
        assert re.fullmatch(r"https?://\S+", photo.source), photo
        if photo.licence != "public domain":
            kind = "zero" if photo.licence.startswith("CC0") else "by"
            version = photo.licence.split()[-1]
            assert photo.licence_url.endswith(f"/{kind}/{version}/"), photo


def test_photographs_decode_and_are_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.jpg")) < MOST_BYTES
    for photo in photographs():
        with Image.open(FOLDER / photo.file) as image:
            image.load()
            assert image.format == "JPEG" and image.mode == "RGB"
            assert max(image.size) <= LONGEST_SIDE and min(image.size) >= 200
            assert not image.getexif()


def test_the_split_holds_crops_of_each_photograph_without_labels(split):
    rows = rows_of(split)
    assert 1500 <= len(rows) == split.num_examples <= 3000
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["label"] for row in rows} == {-1}
    stems = [row["id"].decode().partition("/")[0] for row in rows]
    assert {*stems} == {photo.file[: -len(".jpg")] for photo in photographs()}
    assert min(stems.count(stem) for stem in {*stems}) >= 20
    for row in rows[::197]:
        stem, _, box = row["id"].decode().partition("/")
        left, top, side = map(int, re.findall(r"\d+", box))
        with Image.open(FOLDER / f"{stem}.jpg") as image:
            whole = np.asarray(image)
        crop = np.asarray(Image.open(io.BytesIO(split.read(row["key"]))))
        expected = whole[top : top + side, left : left + side]
        np.testing.assert_array_equal(crop, expected)


def test_whole_photographs_are_the_squares_in_their_middle_and_have_labels():
    whole = open_source("photographs:whole")
    assert whole.spec == "photographs:whole"
    rows = rows_of(whole.split("validation"))
    assert len(rows) == len(photographs())
    class_of = {row["id"]: whole.class_names[row["label"]] for row in rows}
    assert b"cat/left 64 top 0 side 384" in class_of  # of 512x384
    assert b"koala/left 0 top 64 side 384" in class_of  # of 384x512
    named = {id.decode().partition("/")[0]: name for id, name in class_of.items()}
    assert named["red_panda"] == "n02509815 lesser panda"
    assert named["bee"] == named["honey_bee"] == "n02206856 bee"


def test_squares_by_hand():
    assert squares(300, 200) == [
        *((left, 0, 200) for left in (0, 100)),
        *((left, top, 100) for top in (0, 100) for left in (0, 100, 200)),
        *((left, top, 50) for top in range(0, 200, 50) for left in range(0, 300, 50)),
    ]
    assert squares(200, 240)[0] == (0, 20, 200)  # one square, in the middle


def test_a_path_behind_the_name_is_refused():
    with pytest.raises(UsageError, match="photographs:cats"):
        open_source("photographs:cats")
