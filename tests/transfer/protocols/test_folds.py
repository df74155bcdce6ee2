import numpy as np
import pytest

from transfer.protocols.folds import folds
from zfkeras.errors import UsageError

NAMES = ("BACKGROUND_Google", "ant", "bee")
# 40 of clutter, 100 ants, 33 bees, shuffled.
LABELS = np.random.default_rng(1).permutation(np.repeat([0, 1, 2], [40, 100, 33]))


def divided(n=30, **more):
    return folds(LABELS, n, class_names=NAMES, **more)


def test_counts_are_the_protocol_s():
    made = divided()
    assert len(made) == 5
    for fold in made:
        assert np.bincount(LABELS[fold.train]).tolist() == [30, 30, 30]
        # At most 50 of each class; all that are left of the small ones.
        assert np.bincount(LABELS[fold.test]).tolist() == [10, 50, 3]
        assert len({*fold.train, *fold.test}) == len(fold.train) + len(fold.test)


def test_folds_differ_and_a_seed_fixes_them():
    first, second = divided(seed=7), divided(seed=7)
    for one, same in zip(first, second, strict=True):
        assert np.array_equal(one.train, same.train)
        assert np.array_equal(one.test, same.test)
    trains = [tuple(sorted(fold.train)) for fold in first + divided(seed=8)]
    assert len(set(trains)) == 10


def test_more_training_images_contain_fewer_and_leave_the_test_as_it_is():
    few, many = divided(5), divided(30)
    for small, large in zip(few, many, strict=True):
        assert set(small.train) < set(large.train)
        ants = [set(fold.test[LABELS[fold.test] == 1]) for fold in (small, large)]
        assert ants[0] == ants[1]


def test_clutter_can_be_left_out():
    for fold in divided(with_background=False):
        assert set(LABELS[fold.train]) == set(LABELS[fold.test]) == {1, 2}


def test_a_class_with_too_few_images_is_named():
    with pytest.raises(UsageError, match="'bee' has 33 images"):
        divided(33)
