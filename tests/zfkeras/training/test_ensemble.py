import dataclasses

import numpy as np
import pytest

from tests.helpers.networks import make_classifier, spread_answers
from tests.helpers.splits import noise, png, split_of
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import Source
from zfkeras.errors import RunError, UsageError
from zfkeras.training import ensemble

NAMES = tuple("abcdefg")
LABELS = np.arange(9) % 7


def image(number):
    """Noise from dark to bright, of changing shape."""
    dark = noise(number, 64 + 8 * (number % 3), 64 + 16 * (number % 2))
    return dark // 4 + np.uint8(20 * number)


IMAGES = [image(number) for number in range(9)]
FILES = [png(picture) for picture in IMAGES]
SPLIT = split_of(FILES, LABELS)


def source(names=NAMES, split=SPLIT):
    return Source("pretend:1", tuple(names), {"validation": split})


def evaluated(classifiers, names=NAMES, split=SPLIT, ten_crop=False, tally=None):
    return ensemble.evaluate(
        classifiers,
        source(names, split),
        split,
        batch_size=4,
        ten_crop=ten_crop,
        bad_images=tally or BadImages(split.num_examples, 1.0),
    )


def errors(probabilities, labels):
    """Top-1 and top-5 error by sorting."""
    ranked = np.argsort(-probabilities, axis=1)
    found = ranked == np.asarray(labels)[:, None]
    return {
        "top1_error": pytest.approx(1 - found[:, :1].any(axis=1).mean()),
        "top5_error": pytest.approx(1 - found[:, :5].any(axis=1).mean()),
    }


@pytest.fixture(scope="module")
def pair():
    classifiers = [make_classifier(seed, NAMES) for seed in (1, 2)]
    for classifier in classifiers:
        spread_answers(classifier, IMAGES)
    return classifiers


@pytest.mark.parametrize("ten_crop", [False, True])
def test_one_network_is_measured_as_its_predictions_are(pair, ten_crop):
    result = evaluated(pair[:1], ten_crop=ten_crop)
    assert result["centre_crop"] == errors(pair[0].predict(IMAGES), LABELS)
    assert ("ten_crop" in result) == ten_crop
    if ten_crop:
        ten = pair[0].predict(IMAGES, ten_crop=True)
        assert result["ten_crop"] == errors(ten, LABELS)
    assert result["num_images"] == 9
    assert result["bad_images"] == {"count": 0, "images": {}}


def test_two_networks_are_measured_by_their_mean_probabilities(pair):
    # The labels are the average's own answers, which no single network gives.
    one, two = (classifier.predict(IMAGES) for classifier in pair)
    average = (one + two) / 2
    labels = average.argmax(axis=1)
    assert (one.argmax(axis=1) != labels).any()
    assert (two.argmax(axis=1) != labels).any()
    result = evaluated(pair, split=split_of(FILES, labels))
    assert result["centre_crop"] == {"top1_error": 0.0, "top5_error": 0.0}
    worst = split_of(FILES, average.argmin(axis=1))
    assert evaluated(pair, split=worst)["centre_crop"]["top5_error"] == 1.0
    ten = evaluated(pair, split=split_of(FILES, labels), ten_crop=True)
    tens = [classifier.predict(IMAGES, ten_crop=True) for classifier in pair]
    assert ten["ten_crop"] == errors(np.mean(tens, axis=0), labels)


def test_each_network_gets_images_in_its_own_way(pair):
    # Of another mean image: as different from the first as its own predictions are.
    mean = np.zeros_like(pair[0].preprocessing.mean_image)
    other = dataclasses.replace(
        pair[1],
        preprocessing=dataclasses.replace(pair[1].preprocessing, mean_image=mean),
    )
    average = (pair[0].predict(IMAGES) + other.predict(IMAGES)) / 2
    labels = average.argmax(axis=1)
    assert evaluated([pair[0], other], split=split_of(FILES, labels))[
        "centre_crop"
    ] == errors(average, labels)


def test_labels_find_their_output_by_class_name(pair):
    # The source knows three of the network's classes, in another order.
    answers = pair[0].predict(IMAGES).argmax(axis=1)
    names = ["f", "a", "c"]
    labels = [number % 3 for number in range(9)]
    expected = np.mean(
        [answers[i] != "abcdefg".index(names[labels[i]]) for i in range(9)]
    )
    result = evaluated(pair[:1], names, split_of(FILES, labels))
    assert result["centre_crop"]["top1_error"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("trained", "names", "outputs"),
    [
        (  # ImageNet's classes, however the rest of the name is written
            ("n00000001 cat", "n00000002", "n00000003 dog, canine", *"defg"),
            ["n00000003", "g", "n00000002 bee", "n00000001 tiger cat"],
            [2, 6, 1, 0],
        ),
        (  # a whole name before a wnid
            ("n00000001_cat", "n00000002 dog", "n00000002 wolf", *"defg"),
            ["n00000002 dog", "n00000001 tiger", "n00000002 wolf"],
            [1, 0, 2],
        ),
    ],
)
def test_classes_are_matched_by_name_or_wnid(pair, trained, names, outputs):
    classifier = dataclasses.replace(pair[0], class_names=trained)
    found = ensemble._outputs_of_labels([classifier], source(names))
    assert found.tolist() == outputs


def test_classes_the_network_does_not_know_are_an_error(pair):
    with pytest.raises(UsageError) as caught:
        evaluated(pair[:1], ["a", "zebra", "c", "yak"])
    assert caught.value.argument == "--data"
    assert "2 of 4 classes" in caught.value.received
    assert "zebra" in caught.value.received


def test_networks_of_different_classes_are_not_averaged(pair):
    # In another order, too, the average would mix classes up.
    other = dataclasses.replace(pair[1], class_names=NAMES[::-1])
    with pytest.raises(UsageError) as caught:
        evaluated([pair[0], other])
    assert caught.value.argument == "--model"


def test_bad_images_are_left_out_for_all_networks_and_counted_once(pair):
    bad = list(FILES)
    bad[2] = bad[8] = b"no image"
    tally = BadImages(9, 1.0)
    result = evaluated(pair, split=split_of(bad, LABELS), tally=tally)
    assert result["num_images"] == 7
    assert result["bad_images"]["count"] == 2
    assert result["bad_images"]["images"].keys() == {"image-2", "image-8"}
    good = [i for i in range(9) if i not in (2, 8)]
    images = [IMAGES[i] for i in good]
    average = (pair[0].predict(images) + pair[1].predict(images)) / 2
    assert result["centre_crop"] == errors(average, LABELS[good])


def test_an_image_that_fails_for_one_network_alone_stops_the_evaluation(pair):
    seen = set()

    def read_key(key):
        if key == b"1" and key not in seen:
            seen.add(key)
            raise OSError("this time only")
        return FILES[int(key)]

    with pytest.raises(RunError, match="for one network and not for another"):
        evaluated(pair, split=dataclasses.replace(SPLIT, read_key=read_key))
