import pytest

from visualize.report_words import claim, number, percent, plain, said_of_bad_images


def test_any_record_can_say_what_it_shows():
    assert plain({"summary": "one"}).ours == ("one",)
    assert plain({"finding": ["one", "two"]}).ours == ("one", "two")
    assert plain({}).ours == ()


def test_claims_are_read_only_where_they_are():
    assert claim({"paper": "Fig. 2"}) == claim({}) == ""


def test_numbers_as_people_read_them():
    assert (percent(0.6305), percent(None), percent(0.5, 0)) == ("63.0 %", "–", "50 %")
    assert (number(1234.5, 1), number(None)) == ("1,234.5", "–")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({}, ()),
        ({"bad_images": None}, ()),
        ({"bad_images": {"count": 0, "images": {}}}, ()),
        (
            {"bad_images": {"count": 1, "images": {"a.jpg": "truncated"}}},
            ("1 image could not be read and took no part.",),
        ),
        (
            {"bad_images": {"count": 1200}},
            ("1,200 images could not be read and took no part.",),
        ),
    ],
)
def test_images_that_could_not_be_read_are_counted(record, said):
    assert said_of_bad_images(record) == said
