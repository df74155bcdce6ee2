import dataclasses

import numpy as np
import pytest

from tests.helpers.trees import contents
from zfkeras.data.splits import ListedSplit, read_file

# 60 images of class 0, 30 of class 1, 10 of class 2, mixed.
LABELS = np.random.default_rng(3).permutation([0] * 60 + [1] * 30 + [2] * 10)
SPLIT = ListedSplit(
    keys=np.array([f"key-{i}".encode() for i in range(100)]),
    labels=LABELS,
    ids=np.array([f"id-{i}".encode() for i in range(100)]),
    read_key=lambda key: b"file of " + key,
)


def ids(split, *place):
    return [example[0] for example in contents(split, *place)]


def test_a_stream_keeps_key_label_id_and_file_together():
    for order in (None, (0, 1)):
        for id, label, file in contents(SPLIT, order):
            number = int(id.removeprefix("id-"))
            assert label == LABELS[number]
            assert file == f"file of key-{number}".encode()


def test_a_stream_without_a_seed_has_the_sources_order():
    assert ids(SPLIT) == [f"id-{i}" for i in range(100)]
    assert SPLIT.num_examples == 100


def test_a_seed_fixes_an_order_of_all_examples():
    orders = {seed: ids(SPLIT, seed) for seed in [(0, 0), (0, 1), (1, 0), (1, 1)]}
    for seed, order in orders.items():
        assert sorted(order) == sorted(ids(SPLIT))
        assert ids(SPLIT, list(seed)) == order
    assert len({tuple(order) for order in [*orders.values(), ids(SPLIT)]}) == 5


@pytest.mark.parametrize("seed", [None, (3, 4)])
@pytest.mark.parametrize("start", [0, 1, 37, 99, 100, 101])
def test_start_gives_the_tail_of_the_order(seed, start):
    assert ids(SPLIT, seed, start) == ids(SPLIT, seed)[start:]


def test_the_keys_are_the_ids_where_there_are_none():
    assert ids(dataclasses.replace(SPLIT, ids=None))[:2] == ["key-0", "key-1"]


def test_a_key_is_the_path_of_its_file_by_default(tmp_path):
    path = tmp_path / "ü.jpg"
    path.write_bytes(b"bytes")
    split = ListedSplit(np.array([str(path).encode()]), np.array([4]))
    assert contents(split) == [(str(path), 4, b"bytes")]
    with pytest.raises(FileNotFoundError):
        read_file(str(tmp_path / "none").encode())


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.25, 0.5, 1.0])
def test_carve_takes_the_fraction_of_each_class_and_loses_and_doubles_nothing(fraction):
    rest, carved = SPLIT.carve(fraction, seed=1)
    assert not {*ids(rest)} & {*ids(carved)}
    assert sorted(ids(rest) + ids(carved)) == sorted(ids(SPLIT))
    assert rest.num_examples + carved.num_examples == 100
    for label, count in enumerate((60, 30, 10)):
        # Half an image more or less is all that rounding may take.
        assert abs((carved.labels == label).sum() - fraction * count) <= 0.5


def test_both_parts_of_a_carving_keep_label_id_and_file_together():
    whole = {entry[0]: entry for entry in contents(SPLIT)}
    for part in SPLIT.carve(0.3, seed=1):
        assert all(whole[entry[0]] == entry for entry in contents(part))


def test_carve_is_decided_by_its_seed():
    one, same, other = (ids(SPLIT.carve(0.2, seed)[1]) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    # At random, not the first of each class.
    firsts = [f"id-{i}" for i in np.flatnonzero(LABELS == 2)[:2]]
    assert any(
        [i for i in ids(SPLIT.carve(0.2, s)[1]) if i in firsts] != firsts
        for s in range(5)
    )


def test_carve_leaves_the_split_and_its_ids_alone():
    bare = dataclasses.replace(SPLIT, ids=None)
    before = ids(bare)
    rest, carved = bare.carve(0.5)
    assert ids(bare) == before
    assert sorted(ids(rest) + ids(carved)) == sorted(before)


def test_first_classes_keeps_the_examples_of_these_labels_in_order():
    kept = SPLIT.first_classes(2)
    expected = [entry for entry in contents(SPLIT) if entry[1] < 2]
    assert contents(kept) == expected
    assert kept.num_examples == 90
    assert contents(SPLIT.first_classes(3)) == contents(SPLIT)


@pytest.mark.parametrize("seed", [None, (0, 0)])
def test_an_empty_part_streams_nothing(seed):
    _, carved = SPLIT.carve(0.0)
    assert carved.num_examples == 0
    assert contents(carved, seed) == []
