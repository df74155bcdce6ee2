import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.helpers.sanity_reference import structural_similarity
from visualize.figures.sanity.likeness import (
    as_maps,
    cosines,
    likenesses,
    rank_correlations,
    structural_similarities,
)


def maps(seed, number=4, height=11, width=9):
    """Maps with many zeros, and masks of which the first is whole."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(number, height, width))
    values[random.random(values.shape) < 0.4] = 0
    masks = np.ones(values.shape, bool)
    masks[1, :, 6:], masks[2, :3] = False, False
    return np.where(masks, values, 0), masks


def test_cosines_count_the_pixels_that_both_pictures_have():
    pictures = np.zeros((3, 1, 3, 1))
    pictures[:, 0, :, 0] = [[3, 4, 0], [4, 3, 0], [0, 2, 5]]
    masks = np.ones((3, 1, 3), bool)
    masks[2, 0, 0] = False
    found = cosines(pictures, masks)
    assert found[0, 1] == pytest.approx(24 / 25)
    assert found[0, 2] == pytest.approx(4 * 2 / (4 * np.hypot(2, 5)))
    np.testing.assert_allclose(np.diag(found), 1)
    assert np.isnan(cosines(np.zeros((2, 1, 1, 1)), np.ones((2, 1, 1), bool))).all()


def test_rank_correlations_are_those_of_scipy_inside_the_masks():
    (one, masks), (other, _) = maps(0), maps(1)
    found = rank_correlations(one, np.where(masks, other, 0), masks)
    wanted = [
        spearmanr(a[mask], b[mask]).statistic
        for a, b, mask in zip(one, other, masks, strict=True)
    ]
    np.testing.assert_allclose(found, wanted)
    assert np.isnan(rank_correlations(np.zeros_like(one), other, masks)).all()


@pytest.mark.parametrize(("height", "width"), [(11, 9), (6, 9), (4, 3)])
def test_structural_similarities_are_those_of_single_windows(height, width):
    (one, masks), (other, _) = maps(0, 4, height, width), maps(1, 4, height, width)
    found = structural_similarities(one, other, masks, 2.0)
    wanted = [
        structural_similarity(a, b, mask, 2.0)
        for a, b, mask in zip(one, other, masks, strict=True)
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_the_same_picture_is_alike_in_every_way_and_its_negative_by_sizes_only():
    random = np.random.default_rng(0)
    pictures = random.normal(size=(2, 9, 9, 3))
    masks = np.ones((2, 9, 9), bool)
    same = likenesses(pictures, 3 * pictures, masks)
    turned = likenesses(pictures, -pictures, masks)
    for name, found in same.items():
        np.testing.assert_allclose(found, 1)
        wanted = 1 if name.endswith("sizes") else -1
        if name.startswith("rank") or wanted == 1:
            np.testing.assert_allclose(turned[name], wanted)
    assert as_maps(pictures, False).min() >= 0 > as_maps(pictures, True).min()
    np.testing.assert_allclose(as_maps(pictures, False).max((1, 2)), 1)


def test_an_empty_picture_is_like_nothing():
    one = np.random.default_rng(0).normal(size=(2, 9, 9, 3))
    other, masks = one.copy(), np.ones((2, 9, 9), bool)
    one[0] = other[0] = 0
    for name, found in likenesses(one, other, masks).items():
        assert np.isnan(found[0]) and found[1] == pytest.approx(1), name
