import pytest

from zfkeras.data.truth import true_label

NAMES = ("n02124075 Egyptian cat", "bee", "teddy bear", "Faces", "Faces_easy")


@pytest.mark.parametrize(
    "name, label",
    [
        ("n02124075_1", 0),
        ("n02124075_Egyptian_cat", 0),
        ("bee-1", 1),
        ("Bee", 1),
        ("beetle", None),
        ("Teddy_Bear 7", 2),
        ("n0212407512", None),
        ("n99999999_bee", None),
        ("", None),
        # Previously the first class won that a name began with: Faces_easy was Faces.
        ("faces easy_0007", 4),
        ("Faces_0007", 3),
        ("faces_easygoing", 3),
    ],
)
def test_a_name_tells_its_class_whatever_their_order(name, label):
    assert true_label(name, NAMES) == label
    reverse = true_label(name, NAMES[::-1])
    assert reverse == (None if label is None else len(NAMES) - 1 - label)


def test_of_classes_of_one_name_the_first_is_taken():
    assert true_label("crane_1", ("owl", "crane", "Crane")) == 1
    assert true_label("crane_1", ()) is None
