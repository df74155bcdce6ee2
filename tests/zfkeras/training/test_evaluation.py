import numpy as np
import pytest

from zfkeras.errors import RunError
from zfkeras.training.evaluation import error_rates, wrong_answers

SIX = np.array(
    [
        [0.50, 0.20, 0.10, 0.08, 0.07, 0.05],
        [0.05, 0.07, 0.08, 0.10, 0.20, 0.50],
        [0.16, 0.17, 0.17, 0.17, 0.17, 0.16],
    ]
)


def wrong_slow(probabilities, labels, k):
    """A second opinion: sorts each row, the true class behind those it ties with."""
    answers = []
    for row, label in zip(probabilities.tolist(), labels.tolist(), strict=True):
        order = sorted(range(len(row)), key=lambda i: (-row[i], i == label))
        answers.append(label not in order[:k] or any(p != p for p in row))
    return np.array(answers, bool)


@pytest.mark.parametrize(
    ("labels", "k", "wrong"),
    [
        ([0, 5, 1], 1, [False, False, True]),  # the third ties with three others
        ([1, 4, 0], 1, [True, True, True]),
        ([4, 1, 4], 5, [False, False, False]),
        ([5, 0, 0], 5, [True, True, True]),  # the sixth of six, the third by a tie
        ([2, 2, 1], 3, [False, True, True]),
    ],
)
def test_answers_typed_out(labels, k, wrong):
    assert wrong_answers(SIX, np.array(labels), k).tolist() == wrong


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("classes", [3, 5, 20])
@pytest.mark.parametrize("where", ["true", "other", "all"])
def test_nan_anywhere_makes_a_row_wrong(k, classes, where):
    probabilities = np.zeros((2, classes), np.float32)
    probabilities[:, 1] = 1
    columns = {"true": 1, "other": 0, "all": slice(None)}
    probabilities[0, columns[where]] = np.nan
    assert wrong_answers(probabilities, np.array([1, 1]), k).tolist() == [True, False]


@pytest.mark.parametrize("classes", [2, 4, 7, 30])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_answers_agree_with_a_slow_twin(classes, k):
    random = np.random.default_rng([classes, k])
    # Few different values, so that there are many ties, and a NaN now and then.
    probabilities = random.integers(0, 6, (300, classes)) / np.float32(6)
    probabilities[random.random(probabilities.shape) < 0.01] = np.nan
    labels = random.integers(0, classes, 300)
    expected = wrong_slow(probabilities, labels, k)
    assert wrong_answers(probabilities, labels, k).tolist() == expected.tolist()


def test_rates_cover_all_batches_however_they_are_cut():
    random = np.random.default_rng(4)
    probabilities = random.dirichlet(np.ones(12), 50)
    labels = random.integers(0, 12, 50)
    top1 = wrong_slow(probabilities, labels, 1).mean()
    top5 = wrong_slow(probabilities, labels, 5).mean()
    for size in (1, 7, 50, 64):
        batches = [
            {"label": labels[at : at + size], "rows": probabilities[at : at + size]}
            for at in range(0, 50, size)
        ]
        done = []
        rates = error_rates(lambda b: {"way": b["rows"]}, batches, done.append)
        assert rates.keys() == {"num_images", "way"}
        assert rates["num_images"] == sum(done) == 50
        assert rates["way"]["top1_error"] == pytest.approx(top1)
        assert rates["way"]["top5_error"] == pytest.approx(top5)
        assert {type(rate) for rate in rates["way"].values()} == {float}


def test_no_image_is_an_error():
    with pytest.raises(RunError, match="none of the images"):
        error_rates(lambda batch: {}, [])
