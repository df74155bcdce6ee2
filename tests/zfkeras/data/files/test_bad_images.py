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
    [
        (100, 1, 0.01),
        (100, 29, 0.29),
        (50, 0, 0.0),
        (0, 0, 0.5),
        (10, 9, 0.9),
        (199, 1, 0.01),
    ],
)
def test_the_fraction_itself_is_allowed_and_one_image_more_is_not(
    num_examples, num_bad, max_fraction
):
    filled(num_examples, num_bad, max_fraction).check()
    with pytest.raises(RunError, match=r"00000\.jpg \(truncated\).*max-bad-fraction"):
        filled(num_examples, num_bad + 1, max_fraction).check()


@pytest.mark.parametrize("fraction", [1.5, -0.1, float("nan")])
def test_impossible_limits_are_errors(fraction):
    with pytest.raises(ValueError, match="`max_fraction` must be"):
        BadImages(1, fraction)


def test_all_are_counted_once_and_known_a_thousand_are_in_the_results(caplog):
    bad_images = filled(2000, 1500, 1.0)
    bad_images.add("00000.jpg", "empty file")
    assert bad_images.count == len(bad_images.reasons()) == 1500
    result = bad_images.to_json()
    assert result["count"] == 1500 and len(result["images"]) == 1000
    assert list(result["images"]) == sorted(result["images"])
    assert result["images"]["00000.jpg"] == "truncated"
    assert len(caplog.records) == 10  # further ones are counted in silence


def test_hostile_names_stay_on_one_line(caplog):
    caplog.set_level(logging.WARNING)
    bad_images = BadImages(1, 0.0)
    bad_images.add(HOSTILE, "odd\nreason")
    assert caplog.messages == [rf"bad image {ESCAPED} (odd\nreason)"]
    with pytest.raises(RunError) as caught:
        bad_images.check()
    assert rf"{ESCAPED} (odd\nreason)" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert bad_images.to_json()["images"].keys() == {HOSTILE}
