import pytest

from zfkeras.data.truth import true_label

NAMES = ("n02124075 Egyptian cat", "n07747607 orange", "bee", "teddy bear")


@pytest.mark.parametrize(
    "name, label",
    [
        ("n02124075_1", 0),
        ("n02124075_Egyptian_cat", 0),
        ("bee-1", 2),
        ("Bee", 2),
        ("beetle", None),
        ("Teddy_Bear 7", 3),
        ("n0212407512", None),
        ("n99999999_bee", None),
        ("", None),
    ],
)
def test_a_name_tells_its_class(name, label):
    assert true_label(name, NAMES) == label


CALTECH = ("Faces", "Faces_easy", "crocodile", "crocodile_head", "cat eyes", "cat")


@pytest.mark.parametrize(
    "name, label",
    [
        ("Faces_easy", 1),
        ("faces easy_0007", 1),
        ("Faces_0007", 0),
        ("crocodile_head", 3),
        ("crocodile_head_3", 3),
        ("crocodile_heads", 2),
        ("crocodile", 2),
        ("cat-eyes", 5),
        ("Cat Eyes", 4),
    ],
)
def test_a_name_that_another_begins_with_does_not_take_its_images(name, label):
    # Previously the first class won that a name began with: Faces_easy was Faces.
    assert true_label(name, CALTECH) == label
    reverse = true_label(name, CALTECH[::-1])
    assert CALTECH[::-1][reverse] == CALTECH[label]


def test_of_classes_of_one_name_the_first_is_taken():
    assert true_label("crane_1", ("owl", "crane", "Crane")) == 1
    assert true_label("crane_1", ()) is None
