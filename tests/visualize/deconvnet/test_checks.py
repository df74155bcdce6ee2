import numpy as np
import pytest

from visualize.deconvnet.checks import as_numbers, list_of_layers, whole_number
from zfkeras.errors import UsageError


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3)])
def test_whole_numbers_of_all_kinds_are_taken(value):
    assert whole_number("n", value, 1) == 3
    assert type(whole_number("n", value)) is int
    assert whole_number("n", -5) == -5


@pytest.mark.parametrize(
    "check, name, wrong",
    [
        *((whole_number, "n", x) for x in (2.5, 3.0, "3", None, True, [3])),
        (lambda name, value: whole_number(name, value, 1), "n", 0),
        (as_numbers, "images", [np.zeros((4, 4, 3)), np.zeros((5, 4, 3))]),
        (as_numbers, "images", ["cat.jpg"]),
        (as_numbers, "images", [1.0, np.nan]),
        *((lambda _, x: list_of_layers(x), "layers", x) for x in ("conv5", 5)),
    ],
)
def test_what_does_not_serve_is_refused(check, name, wrong):
    with pytest.raises(UsageError) as error:
        check(name, wrong)
    assert error.value.argument == name
