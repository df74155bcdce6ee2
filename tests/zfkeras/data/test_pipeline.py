import dataclasses
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.helpers.splits import noise, noise_split, png, split_of
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import (
    compute_mean_image,
    evaluation_batches,
    training_batches,
)
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.sharding import shares_of_batches
from zfkeras.errors import RunError

SIZE, CROP, NUMBER = 10, 8, 23
SPLIT = noise_split(NUMBER, SIZE)
MEAN = np.random.default_rng(5).uniform(90, 150, (SIZE, SIZE, 3)).astype(np.float32)
PLAIN = Preprocessing(MEAN, CROP)
SCALED = Preprocessing(MEAN, CROP, 1 / 64, min_crop_area=0.3)


def training(split=SPLIT, preprocessing=PLAIN, batch_size=4, bad_images=None, **place):
    place = {"seed": 1, "epoch": 2, **place}
    tally = bad_images or BadImages(split.num_examples, 1.0)
    batches = training_batches(
        split, preprocessing, batch_size, bad_images=tally, **place
    )
    return list(batches.as_numpy_iterator())


def evaluation(split=SPLIT, preprocessing=PLAIN, batch_size=4, bad_images=None, **kw):
    tally = bad_images or BadImages(split.num_examples, 1.0)
    batches = evaluation_batches(
        split, preprocessing, batch_size, bad_images=tally, **kw
    )
    return list(batches.as_numpy_iterator())


def joined(batches, key):
    return np.concatenate([batch[key] for batch in batches])


def same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


def truncated_jpeg():
    file = io.BytesIO()
    Image.fromarray(noise(0, 64, 64)).save(file, "JPEG")
    return file.getvalue()[:700]


def with_bad(positions, number=NUMBER):
    """The split of noise with unreadable files at `positions`."""
    kinds = [b"", b"no image", truncated_jpeg()]
    files = [png(noise(i, SIZE, SIZE)) for i in range(number)]
    for count, position in enumerate(positions):
        files[position] = kinds[count % len(kinds)]
    return split_of(files)


def test_no_pipeline_waits_for_a_tuner_at_its_end():
    # Previously it slept after the last batch, longer the longer the pass had taken.
    tally, place = BadImages(NUMBER), {"seed": 1, "epoch": 2}
    pipelines = [
        training_batches(SPLIT, PLAIN, 4, bad_images=tally, **place),
        evaluation_batches(SPLIT, PLAIN, 4, bad_images=tally),
        shares_of_batches(SPLIT, PLAIN, 4, index=0, count=2, bad_images=tally, **place),
    ]
    pipelines.append(tf.data.Dataset.zip(*pipelines[:2]))
    for pipeline in pipelines:
        assert pipeline.options().autotune.enabled is False


# Training


@pytest.mark.parametrize("preprocessing", [PLAIN, SCALED])
def test_each_example_is_its_square_with_the_window_of_seed_epoch_and_position(
    preprocessing,
):
    batches = training(preprocessing=preprocessing, seed=3, epoch=5)
    assert joined(batches, "position").tolist() == list(range(20))
    for batch in batches:
        for image, label, position, window in zip(
            *(batch[key] for key in ("image", "label", "position", "window")),
            strict=True,
        ):
            np.testing.assert_array_equal(image, noise(label, SIZE, SIZE))
            expected = preprocessing.training_window((3, 5, int(position)))
            np.testing.assert_array_equal(window, np.float32(expected))


@pytest.mark.parametrize("place", [{"epoch": 3}, {"seed": 2}])
@pytest.mark.parametrize("preprocessing", [PLAIN, SCALED])
def test_another_epoch_or_seed_has_another_order_and_other_crops(preprocessing, place):
    one = training(preprocessing=preprocessing, batch_size=1)
    other = training(preprocessing=preprocessing, batch_size=1, **place)
    assert joined(one, "label").tolist() != joined(other, "label").tolist()
    assert sorted(joined(one, "label")) == sorted(joined(other, "label"))
    by_label = {int(batch["label"][0]): batch["window"] for batch in other}
    equal = [
        np.array_equal(batch["window"], by_label[int(batch["label"][0])])
        for batch in one
    ]
    # Of 3 x 3 places and a flip, one in eighteen agrees by chance.
    assert sum(equal) <= 6


@pytest.mark.parametrize("preprocessing", [PLAIN, SCALED])
@pytest.mark.parametrize("bad", [[], [2, 11, 19]])
def test_start_gives_the_tail_of_the_same_epoch_to_the_bit(preprocessing, bad):
    given = {"split": with_bad(bad), "preprocessing": preprocessing}
    whole = training(**given)
    for done in (1, 4):
        start = int(whole[done - 1]["position"][-1]) + 1
        same(training(**given, start=start), whole[done:])


def test_bad_images_are_left_out_named_and_still_hold_their_positions():
    bad, tally = [2, 11, 19], BadImages(NUMBER, 1.0)
    batches = training(with_bad(bad), batch_size=5, bad_images=tally)
    labels, positions = joined(batches, "label"), joined(batches, "position")
    order = joined(training(batch_size=1), "label").tolist()
    good = [position for position, label in enumerate(order) if label not in bad]
    assert positions.tolist() == good  # all 20 good ones fill four batches
    assert labels.tolist() == [order[position] for position in good]
    # The others get the windows they would have had without the bad ones among them.
    expected = [PLAIN.training_window((1, 2, position)) for position in positions]
    np.testing.assert_array_equal(joined(batches, "window"), np.float32(expected))
    for image, label in zip(joined(batches, "image"), labels, strict=True):
        np.testing.assert_array_equal(image, noise(label, SIZE, SIZE))
    assert tally.count == 3
    assert tally.to_json()["images"].keys() == {"image-2", "image-11", "image-19"}
    assert all(tally.to_json()["images"].values())


def test_an_image_whose_file_cannot_be_read_is_a_bad_image():
    def read_key(key):
        if key == b"3":
            raise PermissionError("Permission denied")
        return SPLIT.read(key)

    split, tally = dataclasses.replace(SPLIT, read_key=read_key), BadImages(NUMBER, 1.0)
    labels = joined(evaluation(split, bad_images=tally), "label")
    assert labels.tolist() == [i for i in range(NUMBER) if i != 3]
    assert tally.to_json()["images"] == {"image-3": "Permission denied"}


def test_a_last_smaller_batch_is_dropped_unless_it_is_the_only_one():
    assert [len(batch["label"]) for batch in training(batch_size=10)] == [10, 10]
    assert [len(batch["label"]) for batch in training(batch_size=30)] == [23]
    assert [len(batch["label"]) for batch in training(batch_size=23)] == [23]


def test_the_only_batch_is_kept_when_a_bad_image_makes_it_smaller():
    # Previously there was no batch at all, and "no training image could be read".
    tally = BadImages(NUMBER, 1.0)
    batches = training(with_bad([5]), batch_size=NUMBER, bad_images=tally)
    assert [len(batch["label"]) for batch in batches] == [22]
    start = int(batches[0]["position"][-1]) + 1
    assert training(with_bad([5]), batch_size=NUMBER, start=start) == []


# Evaluation


@pytest.mark.parametrize("batch_size", [4, 23, 50])
@pytest.mark.parametrize("ten_crop", [False, True])
def test_evaluation_covers_each_image_that_can_be_read_once_in_order(
    batch_size, ten_crop
):
    bad, tally = [0, 11, 22], BadImages(NUMBER, 1.0)
    given = {"batch_size": batch_size, "ten_crop": ten_crop, "bad_images": tally}
    for split, good in (
        (SPLIT, [*range(NUMBER)]),
        (with_bad(bad), [i for i in range(NUMBER) if i not in bad]),
    ):
        batches = evaluation(split, **given)
        assert joined(batches, "label").tolist() == good
        assert joined(batches, "position").tolist() == good
        # A bad image makes its batch smaller, and moves no other.
        numbers = [{*(batch["position"] // batch_size)} for batch in batches]
        assert numbers == [{number} for number in range(len(batches))]
    assert tally.count == 3


def test_evaluation_crops_are_the_eager_ones():
    made = dataclasses.replace(SCALED, min_crop_area=None)
    centre = joined(evaluation(preprocessing=made), "image")
    ten = joined(evaluation(preprocessing=made, ten_crop=True), "image")
    assert ten.shape == (NUMBER, 10, CROP, CROP, 3)
    for number in range(NUMBER):
        square = noise(number, SIZE, SIZE)
        np.testing.assert_array_equal(centre[number], made.centre_crop(square))
        np.testing.assert_array_equal(ten[number], made.ten_crop(square))
    np.testing.assert_array_equal(ten[:, 4], centre)


def test_evaluation_taken_up_at_a_start_gives_the_rest_with_its_positions():
    whole, rest = evaluation(with_bad([7])), evaluation(with_bad([7]), start=5)
    assert joined(rest, "position").tolist() == [5, 6, *range(8, NUMBER)]
    np.testing.assert_array_equal(joined(rest, "image"), joined(whole, "image")[5:])
    assert evaluation(start=NUMBER) == []


# The mean image


def test_the_mean_image_is_the_mean_of_the_squares():
    # Of several sizes and shapes, so that each is first made a square.
    sizes = [(10, 10), (10, 14), (20, 20), (30, 25)]
    files = [png(noise(i, *sizes[i % 4])) for i in range(20)]
    result = compute_mean_image(split_of(files), SIZE, BadImages(20))
    expected = np.mean(
        [PLAIN.square(noise(i, *sizes[i % 4])).astype(np.float64) for i in range(20)],
        axis=0,
    )
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-4)


def test_the_mean_image_covers_every_batch_and_reports_progress():
    # 256 white images and 44 black ones: more than one batch of the sum.
    files = [png(np.full((2, 2, 3), 255 * (i < 256), np.uint8)) for i in range(300)]
    done = []
    result = compute_mean_image(split_of(files), 2, BadImages(300), done.append)
    np.testing.assert_allclose(result, np.full((2, 2, 3), 255 * 256 / 300), rtol=1e-6)
    assert sum(done) == 300


@pytest.mark.parametrize(
    ("number_good", "number_bad", "limit"),
    [
        (20, 3, 0.1),
        # Previously the tally was not looked at again after the last batch.
        (256, 300, 0.5),
        # Previously black, if every image was allowed to be bad.
        (0, 2, 1.0),
    ],
)
def test_the_mean_image_stops_at_too_many_bad_images(number_good, number_bad, limit):
    files = [png(np.zeros((2, 2, 3), np.uint8))] * number_good + [b""] * number_bad
    with pytest.raises(RunError):
        compute_mean_image(split_of(files), 2, BadImages(len(files), limit))
