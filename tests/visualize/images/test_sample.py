import numpy as np
import pytest

from tests.helpers.networks import make_classifier
from tests.helpers.splits import noise, noise_split, png, split_of
from visualize.images.sample import (
    draw_sample,
    examples_at,
    load_crops,
    load_pictures,
    load_probes,
)
from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import RunError


def ids(split, **kwargs):
    return [row["id"].decode() for row in split.stream(**kwargs).as_numpy_iterator()]


def test_a_sample_is_drawn_without_repeats_and_the_seed_fixes_it():
    split = split_of([b""] * 50)
    first, again, other = (draw_sample(split, 20, seed) for seed in (1, 1, 2))
    assert first.num_examples == len({*ids(first)}) == 20
    assert ids(first) == ids(again)
    assert {*ids(first)} != {*ids(other)}
    assert {*ids(first)} <= {*ids(split)}
    assert ids(first) != ids(split)[:20]
    assert ids(first, start=5) == ids(first)[5:] and ids(first, start=20) == []


@pytest.mark.parametrize("number", [None, 7, 8])
def test_a_split_that_is_small_enough_stays_as_it_is(number):
    split = split_of([b""] * 7)
    assert draw_sample(split, number) is split


def test_examples_are_found_by_their_place():
    split = split_of([b""] * 2500)
    found = examples_at(split, [2400, 3, 3, 1024])
    assert {place: row["id"] for place, row in found.items()} == {
        3: "image-3",
        1024: "image-1024",
        2400: "image-2400",
    }
    assert found[2400]["label"] == 2400
    assert examples_at(split, []) == {}
    with pytest.raises(IndexError, match=r"2500 examples\. Received: 2500"):
        examples_at(split, [1, 2500])


def test_crops_are_those_of_an_evaluation():
    split = noise_split(4, 64)
    preprocessing = make_classifier(0, "ab").preprocessing
    examples = examples_at(split, [2, 0])
    crops = load_crops(split, [examples[2], examples[0]], preprocessing)
    wanted = (noise(2, 64, 64) - preprocessing.mean_image)[4:60, 4:60] / 64
    np.testing.assert_allclose(crops[0], wanted, rtol=1e-6)
    assert load_crops(split, [], preprocessing).shape == (0, 56, 56, 3)
    pictures, again = load_pictures(split, [examples[2]], preprocessing)
    assert (again == crops[:1]).all()
    assert (pictures[0] == noise(2, 64, 64)[4:60, 4:60]).all()


def test_unreadable_probes_are_left_out_and_counted():
    split = split_of([png(noise(0, 64, 64)), b"no image", png(noise(2, 64, 64))])
    preprocessing = make_classifier(0, "ab").preprocessing
    bad_images = BadImages(3, max_fraction=0.5)
    probes = load_probes(split, preprocessing, bad_images)
    examples = [*examples_at(split, [0, 2]).values()]
    assert (probes == load_crops(split, examples, preprocessing)).all()
    assert [*bad_images.reasons()] == ["image-1"]
    with pytest.raises(RunError, match="1 of 3 images cannot be read"):
        load_probes(split, preprocessing, BadImages(3))
    with pytest.raises(RunError, match="none of 1 images"):
        load_probes(split_of([b""]), preprocessing, BadImages(1, max_fraction=1))
