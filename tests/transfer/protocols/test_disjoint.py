import dataclasses

import numpy as np
import pytest

from tests.helpers.splits import noise, png, split_of
from transfer.protocols.disjoint import check_disjoint, copies
from zfkeras.errors import UsageError

FILES = [png(noise(i, 8, 8)) for i in range(6)]


def named(files, prefix):
    ids = np.array([f"{prefix}-{i}".encode() for i in range(len(files))])
    return dataclasses.replace(split_of(files), ids=ids)


def test_an_image_in_training_and_test_is_refused_whatever_it_is_called():
    check_disjoint(named(FILES[:3], "train"), named(FILES[3:], "test"))
    with pytest.raises(UsageError) as caught:
        check_disjoint(named(FILES[:4], "train"), named(FILES[2:], "test"))
    assert caught.value.received == "2, the first train-2 as test-0"


def test_copies_are_found_among_the_rows_that_are_asked_for():
    train, test = named([*FILES[:4], FILES[1]], "train"), named(FILES[1:], "test")
    found = copies(train, np.array([0, 1, 3, 4]), test, np.array([0, 1, 4]))
    assert found.tolist() == [False, True, False, True]
    found = copies(train, np.array([0, 1]), train, np.array([2, 4]))
    assert found.tolist() == [False, True]


def test_what_cannot_be_read_is_no_copy():
    def fails(key):
        raise OSError("gone")

    lost = dataclasses.replace(named(FILES, "x"), read_key=fails)
    check_disjoint(lost, lost)
    assert not copies(lost, np.arange(3), lost, np.arange(3, 6)).any()
