import dataclasses

import numpy as np
import pytest

from tests.helpers.trees import contents
from zfkeras.data.joined import join
from zfkeras.data.split import ListedSplit, Split


def listed(name, labels, **settings):
    return ListedSplit(
        keys=np.array([f"{name}:{i}".encode() for i in range(len(labels))]),
        labels=np.array(labels),
        read_key=lambda key: b"%s of %s" % (key, name.encode()),
        **settings,
    )


class Unlisted(Split):
    """A split that can only be streamed, as those of TFDS."""

    def __init__(self, split):
        self.split, self.targets = split, split.targets
        self.num_examples = split.num_examples

    def stream(self, shuffle_seed=None, start=0):
        return self.split.stream(shuffle_seed, start)

    def read(self, key):
        return self.split.read(key)

    def carve(self, fraction, seed=0):
        return tuple(Unlisted(part) for part in self.split.carve(fraction, seed))

    def first_classes(self, number):
        return Unlisted(self.split.first_classes(number))


PARTS = [listed("train", [0, 1, 2, 0]), listed("a longer name", [2, 1])]
EXPECTED = [c for part in PARTS for c in contents(part)]


@pytest.fixture(params=["listed", "streamed", "of both kinds"])
def joined(request):
    kinds = {
        "listed": (None, None),
        "streamed": (Unlisted, Unlisted),
        "of both kinds": (Unlisted, None),
    }[request.param]
    wrapped = zip(kinds, PARTS, strict=True)
    return join([part if kind is None else kind(part) for kind, part in wrapped])


def test_one_split_follows_the_other_with_its_own_files(joined):
    assert joined.num_examples == 6
    assert joined.targets is None
    assert contents(joined) == EXPECTED
    assert contents(joined, None, 3) == EXPECTED[3:]


def test_a_seed_fixes_an_order_of_all_examples(joined):
    order = contents(joined, (0, 1))
    assert sorted(order) == sorted(EXPECTED)
    assert contents(joined, (0, 1)) == order
    assert contents(joined, (0, 1), 2) == order[2:]
    assert len({tuple(contents(joined, (seed, 0))) for seed in range(6)}) > 3


def test_parts_of_it_are_parts_of_each(joined):
    rest, carved = joined.carve(0.5)
    assert sorted(contents(rest) + contents(carved)) == sorted(EXPECTED)
    assert 0 < carved.num_examples < 6
    fewer = contents(joined.first_classes(2))
    assert fewer == [entry for entry in EXPECTED if entry[1] < 2]


def test_images_are_picked_by_position_where_all_are_known():
    picked = join(PARTS).at(np.array([4, 0]))
    assert contents(picked) == [EXPECTED[4], EXPECTED[0]]


def test_a_single_split_stays_what_it_is():
    assert join(PARTS[:1]) is PARTS[0]


def test_targets_follow_their_images():
    several = [
        dataclasses.replace(part, targets=np.full((part.num_examples, 3), n, np.int8))
        for n, part in enumerate(PARTS)
    ]
    for parts in (several, [Unlisted(part) for part in several]):
        assert join(parts).targets[:, 0].tolist() == [0, 0, 0, 0, 1, 1]
