import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from visualize.images.localization import localization, shares_on


def test_a_case_computed_by_hand():
    importance = np.array([[4.0, 2.0], [2.0, -8.0]])
    mask = np.array([[True, True], [False, False]])
    found = localization(importance, mask)
    # Pairs: 4 beats both, 2 ties with 2 and beats -8.
    assert found == {
        "share_on_object": 6 / 8,
        "chance": 0.5,
        "area_under_curve": (1 + 1 + 0.5 + 1) / 4,
    }


def test_the_area_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    importance = random.integers(0, 9, (7, 5)) - 4.0
    mask = random.random((7, 5)) < 0.3
    found = localization(importance, mask)
    assert found["area_under_curve"] == pytest.approx(
        roc_auc_score(mask.ravel(), importance.ravel())
    )


def test_shares_agree_with_those_of_single_maps():
    random = np.random.default_rng(1)
    maps, masks = random.normal(size=(5, 6, 7)), random.random((3, 6, 7)) < 0.5
    found = shares_on(maps, masks)
    for row, importance in enumerate(maps):
        for column, mask in enumerate(masks):
            one = localization(importance, mask)["share_on_object"]
            assert found[row, column] == pytest.approx(one, rel=1e-5)


def test_a_map_of_nothing_lies_nowhere():
    assert np.isnan(shares_on(-np.ones((1, 2, 2)), np.ones((2, 2, 2)))).all()
