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
def source():
    return open_source("photographs")


def rows_of(source):
    return [*source.split("validation").stream().as_numpy_iterator()]


def test_each_photograph_has_its_entry_and_each_entry_its_photograph():
    listed = json.loads(LICENCES.read_text("utf-8"))["photographs"]
    assert {*listed} == {path.name for path in FOLDER.glob("*.jpg")}
    assert {path.suffix for path in FOLDER.iterdir() if path.is_file()} <= {
        ".jpg",
        ".json",
        ".py",
    }


@pytest.mark.parametrize("photo", photographs(), ids=lambda photo: photo.file)
def test_each_entry_says_whose_it_is_and_that_it_may_be_shown(photo):
    assert photo.licence in ALLOWED
    for value in (photo.title, photo.author, photo.taken_from, photo.shows):
        assert value == value.strip() and value
    assert re.fullmatch(r"https?://\S+", photo.source)
    if photo.licence != "public domain":
        kind = "zero" if photo.licence.startswith("CC0") else "by"
        version = photo.licence.split()[-1]
        assert photo.licence_url.endswith(f"/{kind}/{version}/")


def test_photographs_decode_and_are_small():
    total = 0
    for photo in photographs():
        path = FOLDER / photo.file
        total += path.stat().st_size
        with Image.open(path) as image:
            image.load()
            assert image.format == "JPEG" and image.mode == "RGB"
            assert max(image.size) <= LONGEST_SIDE and min(image.size) >= 200
            assert not image.getexif()
    assert total < MOST_BYTES


def test_the_source_holds_some_crops_of_each_photograph_under_its_name(source):
    rows = rows_of(source)
    assert len(rows) == source.split("validation").num_examples
    assert 1500 <= len(rows) <= 3000
    assert len({row["id"] for row in rows}) == len(rows)
    stems = [row["id"].decode().partition("/")[0] for row in rows]
    assert {*stems} == {photo.file[: -len(".jpg")] for photo in photographs()}
    assert min(stems.count(stem) for stem in {*stems}) >= 20


def test_only_whole_photographs_have_a_label(source):
    assert {row["label"] for row in rows_of(source)} == {-1}
    whole = open_source("photographs:whole")
    assert whole.spec == "photographs:whole"
    rows = rows_of(whole)
    assert len(rows) == len(photographs())
    named = {
        row["id"].decode().partition("/")[0]: whole.class_names[row["label"]]
        for row in rows
    }
    assert named["red_panda"] == "n02509815 lesser panda"
    assert named["bee"] == named["honey_bee"] == "n02206856 bee"
    assert named["raccoon"] == "raccoon"


def test_a_whole_photograph_is_the_square_in_its_middle():
    whole = {row["id"] for row in rows_of(open_source("photographs:whole"))}
    assert b"cat/left 64 top 0 side 384" in whole  # of 512x384
    assert b"koala/left 0 top 64 side 384" in whole  # of 384x512


def test_crops_are_cut_out_of_the_photograph(source):
    split = source.split("validation")
    for row in rows_of(source)[::97]:
        stem, _, box = row["id"].decode().partition("/")
        left, top, side = map(int, re.findall(r"\d+", box))
        with Image.open(FOLDER / f"{stem}.jpg") as image:
            whole = np.asarray(image)
        crop = np.asarray(Image.open(io.BytesIO(split.read(row["key"]))))
        expected = whole[top : top + side, left : left + side]
        np.testing.assert_array_equal(crop, expected)


def test_order_and_pixels_are_the_same_each_time(source):
    again = open_source("photographs")
    first, second = rows_of(source), rows_of(again)
    assert [row["id"] for row in first] == [row["id"] for row in second]
    key = first[1000]["key"]
    split = source.split("validation")
    assert split.read(key) == again.split("validation").read(key)


def test_squares_by_hand():
    assert squares(300, 200) == [
        *((left, 0, 200) for left in (0, 100)),
        *((left, top, 100) for top in (0, 100) for left in (0, 100, 200)),
        *(
            (left, top, 50)
            for top in (0, 50, 100, 150)
            for left in (0, 50, 100, 150, 200, 250)
        ),
    ]
    assert squares(200, 240)[0] == (0, 20, 200)  # one square, in the middle


def test_a_path_behind_the_name_is_refused():
    with pytest.raises(UsageError, match="photographs:cats"):
        open_source("photographs:cats")
