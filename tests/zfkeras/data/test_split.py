import dataclasses

import numpy as np
import pytest

from tests.helpers.trees import contents
from zfkeras.data.joined import join
from zfkeras.data.sharding import Share
from zfkeras.data.split import ListedSplit, Split

# 60 images of class 0, 30 of class 1, 10 of class 2, mixed.
LABELS = np.random.default_rng(3).permutation([0] * 60 + [1] * 30 + [2] * 10)
NUMBERS = np.array([str(i).encode() for i in range(100)])
SPLIT = ListedSplit(
    keys=np.char.add(b"key-", NUMBERS),
    labels=LABELS,
    ids=np.char.add(b"id-", NUMBERS),
    read_key=lambda key: b"file of " + key.rpartition(b":")[2],
)
UNWANTED = [f"id-{i}".encode() for i in (0, 7, 50, 99)] + [b"id-nowhere"]


class Streamed(Split):
    """A split that can only be streamed, as those of TFDS."""

    def __init__(self, split):
        self.split, self.targets = split, split.targets
        self.num_examples = split.num_examples

    def stream(self, shuffle_seed=None, start=0):
        return self.split.stream(shuffle_seed, start)

    def read(self, key):
        return self.split.read(key)

    def carve(self, fraction, seed=0):
        return tuple(Streamed(part) for part in self.split.carve(fraction, seed))

    def first_classes(self, number):
        return Streamed(self.split.first_classes(number))


HALVES = [SPLIT.at(np.arange(40)), SPLIT.at(np.arange(40, 100))]
WANTED = [i for i in range(100) if f"id-{i}".encode() not in UNWANTED]
# Kind of split -> the split, and which of the hundred images it holds, in order.
KINDS = {
    "listed": (SPLIT, range(100)),
    "positions": (SPLIT.at(np.array([5, 2, 90])), [5, 2, 90]),
    "listed, some left out": (SPLIT.without(UNWANTED), WANTED),
    "streamed, some left out": (Streamed(SPLIT).without(UNWANTED), WANTED),
    "streamed, none left out": (Streamed(SPLIT).without([]), range(100)),
    "joined": (join(HALVES), range(100)),
    "joined of streams": (join([*map(Streamed, HALVES)]), range(100)),
    "joined of both": (join([HALVES[0], Streamed(HALVES[1])]), range(100)),
}


@pytest.fixture(params=KINDS)
def kind(request):
    split, numbers = KINDS[request.param]
    return split, [(f"id-{i}", LABELS[i], f"file of key-{i}".encode()) for i in numbers]


def ids(split, *place):
    return [example[0] for example in contents(split, *place)]


def test_a_split_streams_its_images_in_order_with_labels_and_files(kind):
    split, expected = kind
    assert split.num_examples == len(expected)
    assert split.targets is None
    assert contents(split) == expected
    assert contents(split, None, 37) == expected[37:]


def test_a_seed_fixes_an_order_of_all_examples(kind):
    split, expected = kind
    order = contents(split, (0, 1))
    assert sorted(order) == sorted(expected)
    if split.num_examples > 3:
        assert order not in [contents(split, seed) for seed in ((0, 0), (1, 1), None)]
    assert contents(split, [0, 1]) == order
    assert contents(split, (0, 1), 17) == order[17:]
    assert contents(split, (0, 1), 100) == []


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_carve_takes_the_fraction_and_loses_and_doubles_nothing(kind, fraction):
    split, expected = kind
    rest, carved = split.carve(fraction, seed=1)
    assert rest.num_examples + carved.num_examples == len(expected)
    assert ids(carved) == ids(split.carve(fraction, seed=1)[1])
    assert sorted(contents(rest) + contents(carved)) == sorted(expected)
    if isinstance(split, ListedSplit):
        for label in range(3):
            # Half an image more or less is all that rounding may take.
            wanted = fraction * (split.labels == label).sum()
            assert abs((carved.labels == label).sum() - wanted) <= 0.5


def test_first_classes_keeps_the_examples_of_these_labels_in_order(kind):
    split, expected = kind
    kept = split.first_classes(2)
    assert contents(kept) == [row for row in expected if row[1] < 2]
    assert kept.num_examples == len(contents(kept))


def test_what_is_left_out_stays_left_out_of_its_parts(kind):
    split, expected = kind
    left = split.without([b"id-5", b"id-90"])
    kept = [row[0] for row in expected if row[0] not in ("id-5", "id-90")]
    assert ids(left) == kept and left.num_examples == len(kept)
    assert ids(left.first_classes(3)) == kept


def test_carving_is_at_random_and_decided_by_its_seed():
    one, other = (ids(SPLIT.carve(0.2, seed)[1]) for seed in (1, 2))
    assert one != other
    firsts = {f"id-{i}" for i in np.flatnonzero(LABELS == 2)[:2]}
    assert not firsts <= {*one} & {*other}


def test_the_keys_are_the_ids_and_the_paths_of_files_by_default(tmp_path):
    path = tmp_path / "ü.jpg"
    path.write_bytes(b"bytes")
    split = ListedSplit(np.array([str(path).encode()]), np.array([4]))
    assert contents(split) == [(str(path), 4, b"bytes")]


@pytest.mark.parametrize(("first", "end"), [(0, 100), (10, 30), (90, 200), (40, 40)])
def test_a_stretch_is_a_part_of_the_sources_order(first, end):
    part = SPLIT.stretch(first, end)
    assert part.num_examples == len(range(first, min(end, 100)))
    assert contents(part, None, 7) == contents(SPLIT)[first:end][7:]
    with pytest.raises(NotImplementedError):
        part.stream((0, 0))


def test_a_single_split_stays_what_it_is():
    assert join([SPLIT]) is SPLIT


TARGETS = np.where(np.eye(3, dtype=np.int8)[LABELS] == 1, 1, -1).astype(np.int8)
SEVERAL = dataclasses.replace(SPLIT, targets=TARGETS)
SEVERAL_HALVES = [SEVERAL.at(np.arange(40)), SEVERAL.at(np.arange(40, 100))]


@pytest.mark.parametrize(
    "part",
    [
        *SEVERAL.carve(0.3),
        SEVERAL.at(np.array([8, 3])),
        SEVERAL.without(UNWANTED),
        Streamed(SEVERAL).without(UNWANTED),
        SEVERAL.stretch(5, 9),
        Share(SEVERAL, 2, 7),
        join(SEVERAL_HALVES),
        join([*map(Streamed, SEVERAL_HALVES)]),
    ],
)
def test_targets_follow_the_images(part):
    numbers = [int(name.removeprefix("id-")) for name in ids(part)]
    assert np.array_equal(part.targets, TARGETS[numbers])


def test_the_first_classes_of_several_keep_all_images():
    two = SEVERAL.first_classes(2)
    assert two.num_examples == 100
    assert np.array_equal(two.targets, TARGETS[:, :2])
    assert [row[1] for row in contents(two)] == [-1 if n == 2 else n for n in LABELS]
