import dataclasses

import numpy as np
import pytest

from tests.helpers.trees import contents
from zfkeras.data.files.image_file import read_file
from zfkeras.data.split import ListedSplit, Split

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


def test_a_seed_fixes_an_order_of_all_examples():
    orders = {seed: ids(SPLIT, seed) for seed in [(0, 0), (0, 1), (1, 0), (1, 1)]}
    for seed, order in orders.items():
        assert sorted(order) == sorted(ids(SPLIT))
        assert ids(SPLIT, list(seed)) == order
    assert len({tuple(order) for order in [*orders.values(), ids(SPLIT)]}) == 5


@pytest.mark.parametrize("seed", [None, (3, 4)])
@pytest.mark.parametrize("start", [0, 37, 100, 101])
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


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_carve_takes_the_fraction_of_each_class_and_loses_and_doubles_nothing(fraction):
    rest, carved = SPLIT.carve(fraction, seed=1)
    assert not {*ids(rest)} & {*ids(carved)}
    assert sorted(ids(rest) + ids(carved)) == sorted(ids(SPLIT))
    assert rest.num_examples + carved.num_examples == 100
    for label, count in enumerate((60, 30, 10)):
        # Half an image more or less is all that rounding may take.
        assert abs((carved.labels == label).sum() - fraction * count) <= 0.5


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


@pytest.mark.parametrize(("first", "end"), [(0, 100), (10, 30), (90, 200), (40, 40)])
@pytest.mark.parametrize("start", [0, 7])
def test_a_stretch_is_a_part_of_the_sources_order(first, end, start):
    part = SPLIT.stretch(first, end)
    assert part.num_examples == len(range(first, min(end, 100)))
    assert contents(part, None, start) == contents(SPLIT)[first:end][start:]
    with pytest.raises(NotImplementedError):
        part.stream((0, 0))


UNWANTED = [f"id-{i}".encode() for i in (0, 7, 50, 99)] + [b"id-nowhere"]


def generic_without():
    """What every kind of split has, where a list has its own way."""
    return Split.without(SPLIT, UNWANTED)


@pytest.mark.parametrize("order", [None, (3, 4)])
@pytest.mark.parametrize("start", [5, 200])
def test_without_leaves_out_what_is_named_and_keeps_the_order(order, start):
    kept = [row for row in contents(SPLIT, order) if row[0].encode() not in UNWANTED]
    assert contents(generic_without(), order, start) == kept[start:]
    assert generic_without().num_examples == SPLIT.without(UNWANTED).num_examples == 96
    if order is None:  # a list's own way draws another order
        assert contents(SPLIT.without(UNWANTED), order, start) == kept[start:]


@pytest.mark.parametrize("make", [generic_without, lambda: SPLIT.without(UNWANTED)])
def test_parts_of_what_is_left_are_without_it_too(make):
    left = make()
    assert left.read(b"x") == b"file of x"
    rest, carved = left.carve(0.2)
    assert sorted(ids(rest) + ids(carved)) == sorted(ids(left))
    assert ids(left.first_classes(1)) == [
        name for name, label, _ in contents(left) if label == 0
    ]
    assert ids(left.without([b"id-1"])) == [n for n in ids(left) if n != "id-1"]


@pytest.mark.parametrize("without", [Split.without, ListedSplit.without])
def test_without_nothing_is_the_whole(without):
    assert contents(without(SPLIT, [])) == contents(SPLIT)
    assert without(SPLIT, []).num_examples == 100


def test_at_keeps_places_in_the_order_given():
    assert ids(SPLIT.at(np.array([5, 2]))) == ["id-5", "id-2"]
    assert SPLIT.at(np.array([], int)).num_examples == 0


def test_targets_follow_the_images():
    targets = np.where(np.eye(3, dtype=np.int8)[LABELS] == 1, 1, -1).astype(np.int8)
    split = dataclasses.replace(SPLIT, targets=targets)
    for part in (
        *split.carve(0.3),
        split.without(UNWANTED),
        Split.without(split, UNWANTED),
        split.at(np.array([8, 3])),
    ):
        numbers = [int(name.removeprefix("id-")) for name in ids(part)]
        assert np.array_equal(part.targets, targets[numbers])
    two = split.first_classes(2)
    assert two.num_examples == 100
    assert np.array_equal(two.targets, targets[:, :2])
    assert [row[1] for row in contents(two)] == [-1 if n == 2 else n for n in LABELS]
    assert np.array_equal(split.stretch(5, 9).targets, targets[5:9])
    assert SPLIT.targets is None and Split.without(SPLIT, UNWANTED).targets is None
