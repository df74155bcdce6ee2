import pytest

from zfkeras.truth import true_label

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
