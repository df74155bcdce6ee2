import json
import logging

import pytest

from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import RunError

HOSTILE = "a\nb\r\x1b[31m\u2028\u202e\udcff\x00é.jpg"
ESCAPED = r"a\nb\r\x1b[31m\u2028\u202e\udcff\x00é.jpg"


def filled(num_examples, num_bad, max_fraction):
    bad_images = BadImages(num_examples, max_fraction)
    for i in range(num_bad):
        bad_images.add(f"{i:05}.jpg", "truncated")
    return bad_images


@pytest.mark.parametrize(
    ("num_examples", "num_bad", "max_fraction"),
    [(100, 1, 0.01), (100, 29, 0.29), (50, 0, 0.0), (10, 10, 1.0), (199, 1, 0.01)],
)
def test_check_bears_with_the_fraction_itself(num_examples, num_bad, max_fraction):
    filled(num_examples, num_bad, max_fraction).check()


@pytest.mark.parametrize(
    ("num_examples", "num_bad", "max_fraction"),
    [(100, 2, 0.01), (100, 30, 0.29), (50, 1, 0.0), (99, 1, 0.01)],
)
def test_check_stops_beyond_the_fraction(num_examples, num_bad, max_fraction):
    with pytest.raises(RunError):
        filled(num_examples, num_bad, max_fraction).check()


def test_the_error_names_count_limit_images_and_remedy():
    with pytest.raises(RunError) as caught:
        filled(100, 4, 0.02).check()
    assert str(caught.value) == (
        "4 of 100 images cannot be read, more than the fraction of 0.02 allowed: "
        "00000.jpg (truncated), 00001.jpg (truncated), 00002.jpg (truncated), .... "
        "Mend or remove them, or raise --max-bad-fraction."
    )


def test_the_same_image_counts_once():
    bad_images = BadImages(10)
    for reason in ("truncated", "empty file"):
        bad_images.add("a.jpg", reason)
    assert bad_images.count == 1
    assert bad_images.to_json() == {"count": 1, "images": {"a.jpg": "truncated"}}


def test_the_first_ten_are_logged(caplog):
    with caplog.at_level(logging.WARNING):
        filled(100, 12, 1.0)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 10
    assert lines[0] == "bad image 00000.jpg (truncated)"
    assert lines[9].startswith("bad image 00009.jpg (truncated); further")


def test_hostile_names_stay_on_one_line(caplog):
    bad_images = BadImages(1, 0.0)
    bad_images.add(HOSTILE, "odd\nreason")
    assert [record.getMessage() for record in caplog.records] == [
        rf"bad image {ESCAPED} (odd\nreason)"
    ]
    with pytest.raises(RunError) as caught:
        bad_images.check()
    assert rf"{ESCAPED} (odd\nreason)" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert json.loads(json.dumps(bad_images.to_json()))["images"].keys() == {HOSTILE}


def test_to_json_is_sorted_and_capped_but_counts_all():
    bad_images = BadImages(2000, 1.0)
    for i in reversed(range(1500)):
        bad_images.add(f"{i:05}.jpg", "truncated")
    result = bad_images.to_json()
    assert result["count"] == 1500
    assert len(result["images"]) == 1000
    assert list(result["images"]) == sorted(result["images"])
    assert min(result["images"]) == "00500.jpg"
    # What goes on with the tally knows them all.
    assert len(bad_images.reasons()) == 1500
    # Beyond the cap, too, an image counts once.
    bad_images.add("00000.jpg", "truncated")
    assert bad_images.count == 1500


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((0,), "`num_examples` must be at least 1. Received: num_examples=0"),
        ((1, 1.5), "`max_fraction` must be from 0 to 1. Received: max_fraction=1.5"),
        ((1, float("nan")), "`max_fraction` must be"),
    ],
)
def test_impossible_limits_are_errors(arguments, match):
    with pytest.raises(ValueError, match=match):
        BadImages(*arguments)
