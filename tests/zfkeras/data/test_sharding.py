import numpy as np
import pytest

from tests.zfkeras.data.test_pipeline import (
    NUMBER,
    PLAIN,
    SCALED,
    SIZE,
    SPLIT,
    joined,
    training,
    with_bad,
)
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import compute_mean_image
from zfkeras.data.sharding import Share, shares_of_batches


def share(index, count, split=SPLIT, preprocessing=PLAIN, batch_size=4, **options):
    options = {"seed": 1, "epoch": 2, **options}
    options.setdefault("bad_images", BadImages(NUMBER, 1.0))
    batches = shares_of_batches(
        split, preprocessing, batch_size, index=index, count=count, **options
    )
    return list(batches.as_numpy_iterator())


def together(count, **options):
    """The batches of all shares, each put together again."""
    shares = [share(index, count, **options) for index in range(count)]
    return [
        {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        for parts in zip(*shares, strict=True)
    ]


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("start", [0, 8])
@pytest.mark.parametrize("preprocessing", [PLAIN, SCALED])
def test_all_shares_are_the_batches_of_one_process_to_the_bit(
    count, start, preprocessing
):
    expected = training(preprocessing=preprocessing, start=start)
    found = together(count, preprocessing=preprocessing, start=start)
    assert len(found) == len(expected) == (NUMBER - start) // 4
    for one, other in zip(found, expected, strict=True):
        assert one.pop("good").all()
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


def test_a_process_decodes_its_share_only():
    read = []

    class Noting(Share):
        def read(self, key):
            read.append(key)
            return super().read(key)

    share(1, 2, split=Noting(SPLIT, 0, 1))
    assert len(read) == 10


@pytest.mark.parametrize(("count", "batch_size"), [(4, 40), (3, 24)])
def test_the_only_batch_is_filled_up_with_what_does_not_count(count, batch_size):
    (expected,) = training(batch_size=batch_size)
    (found,) = together(count, batch_size=batch_size)
    assert len(found["label"]) == batch_size
    assert found["good"].sum() == NUMBER
    for key in expected:
        np.testing.assert_array_equal(found[key][found["good"]], expected[key])
    assert not found["image"][~found["good"]].any()
    assert together(count, batch_size=batch_size, start=NUMBER) == []


def test_a_bad_image_stays_in_its_place_and_does_not_count():
    bad, tally = [2, 11, 19], BadImages(NUMBER, 1.0)
    batches = together(2, split=with_bad(bad), bad_images=tally)
    good, labels = joined(batches, "good"), joined(batches, "label")
    order = joined(training(batch_size=1), "label").tolist()
    assert labels.tolist() == order[:20]
    assert good.tolist() == [label not in bad for label in order[:20]]
    assert not joined(batches, "image")[~good].any()
    assert tally.count == sum(label in bad for label in order[:20])


@pytest.mark.parametrize("count", [1, 5, 30])
def test_shares_of_a_split_are_disjoint_and_complete(count):
    shares = [Share(SPLIT, index, count) for index in range(count)]
    found = [
        [int(row["label"]) for row in part.stream().as_numpy_iterator()]
        for part in shares
    ]
    assert [len(part) for part in found] == [part.num_examples for part in shares]
    assert sorted(label for part in found for label in part) == list(range(NUMBER))
    assert found[0] == list(range(0, NUMBER, count))
    rest = shares[0].stream(start=1).as_numpy_iterator()
    assert [int(row["label"]) for row in rest] == found[0][1:]


def test_the_mean_image_of_shares_is_that_of_the_whole_to_the_bit():
    whole = compute_mean_image(SPLIT, SIZE, BadImages(NUMBER))
    sums = []

    def first(value):
        sums.append(value)
        return value

    compute_mean_image(Share(SPLIT, 0, 2), SIZE, BadImages(NUMBER), combine=first)
    others = iter(sums)
    mean = compute_mean_image(
        Share(SPLIT, 1, 2), SIZE, BadImages(NUMBER), combine=lambda v: v + next(others)
    )
    np.testing.assert_array_equal(mean, whole)
