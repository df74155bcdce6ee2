import numpy as np
import pytest

from transfer.heads.selection import divisions


def test_a_share_of_each_class_is_held_out():
    labels = np.repeat([0, 1, 2], [1000, 1300, 200])
    ((rows, others),) = divisions(labels, 0.2, 0)
    assert sorted([*rows, *others]) == list(range(2500))
    assert np.bincount(labels[others]).tolist() == [200, 260, 40]
    assert np.array_equal(rows, np.sort(rows))


def test_every_sample_is_held_out_where_a_share_would_be_too_few_to_tell():
    # Previously 60 samples decided among five C, and by chance the least was taken.
    labels = np.repeat(np.arange(10), 30)
    parts = divisions(labels, 0.2, 0)
    held_out = np.concatenate([others for _, others in parts])
    assert len(parts) == 5 and sorted(held_out) == list(range(300))
    for _, others in parts:
        assert np.bincount(labels[others]).tolist() == [6] * 10


@pytest.mark.parametrize(("smallest", "folds"), [(2, 2), (3, 3), (5, 5), (9, 5)])
def test_few_samples_are_each_held_out_once(smallest, folds):
    labels = np.random.default_rng(0).permutation(
        np.repeat([0, 1, 2], [smallest, 12, 1])
    )
    parts = divisions(labels, 0.2, 0)
    assert len(parts) == folds
    single = np.flatnonzero(labels == 2)
    held_out = np.concatenate([others for _, others in parts])
    assert sorted([*held_out, *single]) == list(range(len(labels)))
    for rows, others in parts:
        assert sorted([*rows, *others]) == list(range(len(labels)))
        assert set(labels[rows]) == {0, 1, 2}  # nobody is asked for the unknown
        assert np.isin(single, rows).all()


def test_the_seed_decides():
    labels = np.repeat([0, 1], 1500)
    first, again, other = (divisions(labels, 0.2, seed)[0][1] for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_classes_of_one_leave_nothing_to_hold_out():
    assert divisions(np.arange(5), 0.2, 0) == []


def test_one_class_alone_is_nothing_to_choose_on():
    # Previously the C won with which everything was taken for that class.
    assert divisions(np.array([0, 1, 1, 1, 1, 2]), 0.2, 0) == []
    assert len(divisions(np.array([0, 1, 1, 1, 1, 2, 2]), 0.2, 0)) == 2


def test_something_is_always_left_to_learn_from():
    ((rows, others),) = divisions(np.repeat([0, 1], 400), 0.999, 0)
    assert len(rows) == 2 and len(others) == 798
