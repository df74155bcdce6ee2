import numpy as np
import pytest

from visualize.figures.invariance.curves import InvarianceCurves
from visualize.figures.invariance.transformations import Sweep, translation


def test_numbers_of_a_curve_are_those_computed_by_hand():
    curves = InvarianceCurves(
        Sweep("shift", "pixels", np.array([-2.0, -1, 0, 1, 2]), 0, translation),
        {"sharp": np.array([[4.0, 3, 0, 3, 4]]), "line": np.array([[4.0, 2, 0, 2, 4]])},
        {"sharp": np.array([2.0]), "line": np.array([4.0])},
        np.array([[0.1, 0.2, 0.9, 0.3, 0.1]]),
        np.array([[1, 0, 0, 0, 1]]),
    )
    assert curves.relative("sharp").tolist() == [[2, 1.5, 0, 1.5, 2]]
    assert curves.half_way("sharp") == pytest.approx(2 / 3)
    assert curves.half_way("line") == 1
    assert curves.linearity("line") == 1
    # A line of slope (1.5 + 4) / 5 leaves 0.4 and 0.2 of (0, 1.5, 2).
    rest = 0.4**2 + 0.2**2
    spread = np.sum((np.array([0, 1.5, 2]) - 3.5 / 3) ** 2)
    assert curves.linearity("sharp") == pytest.approx(1 - rest / spread)
    assert curves.kept().tolist() == [0.6]
    assert curves.start().tolist() == [0.9]
