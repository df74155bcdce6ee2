import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

import transfer
from transfer.protocols.accuracy import mean_per_class_accuracy


def slow(labels, predictions):
    """Class by class, image by image."""
    shares = []
    for label in sorted(set(labels)):
        right = total = 0
        for one, answer in zip(labels, predictions, strict=True):
            if one == label:
                total += 1
                right += one == answer
        shares.append(right / total)
    return sum(shares) / len(shares)


def test_a_case_by_hand():
    # Class 0: 3 of 4. Class 1: 0 of 1. Class 2: no image. Class 3: 1 of 1.
    labels, predictions = [0, 0, 0, 0, 1, 3], [0, 0, 0, 2, 3, 3]
    assert mean_per_class_accuracy(labels, predictions) == pytest.approx(1.75 / 3)


@pytest.mark.parametrize(
    "names", [["ant", "bee", "x", "cat"], [-3, 7, 0, 2], [0.5, 1.5, 0.0, 2.5]]
)
def test_labels_may_be_text_or_any_numbers(names):
    labels, predictions = (
        np.array(names)[places] for places in ([0, 0, 0, 0, 1, 3], [0, 0, 0, 2, 3, 3])
    )
    assert mean_per_class_accuracy(labels, predictions) == pytest.approx(1.75 / 3)


@pytest.mark.parametrize("seed", range(10))
def test_it_is_the_slow_reference_and_scikit_learns_balanced_accuracy(seed):
    random = np.random.default_rng(seed)
    labels = random.choice([0, 1, 2, 5, 9], size=80, p=[0.6, 0.2, 0.1, 0.05, 0.05])
    predictions = np.where(random.random(80) < 0.5, labels, random.choice(labels, 80))
    found = mean_per_class_accuracy(labels, predictions)
    assert found == pytest.approx(slow(labels, predictions))
    assert found == pytest.approx(balanced_accuracy_score(labels, predictions))


@pytest.mark.parametrize(("labels", "predictions"), [([], []), ([0, 1], [0])])
def test_what_cannot_be_scored_is_refused(labels, predictions):
    with pytest.raises(ValueError, match="`predictions` must be as many"):
        mean_per_class_accuracy(labels, predictions)


def test_every_public_name_is_there():
    assert sorted(transfer._HOMES) == sorted(transfer.__all__)
    for name in transfer.__all__:
        assert getattr(transfer, name).__module__ == transfer._HOMES[name]
        assert name in dir(transfer)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        transfer.nothing  # noqa: B018
