import numpy as np
import pytest

from transfer.heads.selection import divisions


def test_a_share_of_each_class_is_held_out():
    labels = np.repeat([0, 1, 2], [1000, 1300, 200])
    ((rows, others),) = divisions(labels, 0.2, 0)
    assert sorted([*rows, *others]) == list(range(2500))
    assert np.bincount(labels[others]).tolist() == [200, 260, 40]
    assert np.array_equal(rows, np.sort(rows))
    (again, _), (other, _) = (divisions(labels, 0.2, seed)[0] for seed in (0, 1))
    assert np.array_equal(rows, again) and not np.array_equal(rows, other)


@pytest.mark.parametrize(
    ("sizes", "n_parts"),
    [
        ([30] * 10, 5),  # 20 % of them would be 60 samples: too few to choose C
        ([2, 12, 1], 2),
        ([3, 12, 1], 3),
        ([9, 12, 1], 5),
    ],
)
def test_of_few_samples_each_is_held_out_once(sizes, n_parts):
    labels = np.random.default_rng(0).permutation(np.repeat(range(len(sizes)), sizes))
    single = np.flatnonzero(np.bincount(labels)[labels] == 1)
    parts = divisions(labels, 0.2, 0)
    assert len(parts) == n_parts
    held_out = np.concatenate([others for _, others in parts])
    assert sorted([*held_out, *single]) == list(range(len(labels)))
    for rows, others in parts:
        assert sorted([*rows, *others]) == list(range(len(labels)))
        assert set(labels[rows]) == set(labels)
        assert np.isin(single, rows).all()


@pytest.mark.parametrize(
    ("sizes", "n_parts"), [([1] * 5, 0), ([1, 4, 1], 0), ([1, 4, 2], 2)]
)
def test_c_is_chosen_among_two_classes_of_two_samples_at_least(sizes, n_parts):
    assert len(divisions(np.repeat(range(len(sizes)), sizes), 0.2, 0)) == n_parts


def test_a_sample_of_each_class_is_learnt_from():
    ((rows, others),) = divisions(np.repeat([0, 1], 400), 0.999, 0)
    assert len(rows) == 2 and len(others) == 798
