import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from transfer.protocols.average_precision import (
    DEFINITIONS,
    average_precision,
    average_precisions,
)


def slow(relevant, scores):
    """All three, threshold by threshold, out of plain counts."""
    points = []
    for threshold in sorted(set(scores), reverse=True):
        kept = [r for r, s in zip(relevant, scores, strict=True) if s >= threshold]
        points.append((sum(kept) / sum(relevant), sum(kept) / len(kept)))

    def best_from(recall):
        return max((p for r, p in points if r >= recall - 1e-12), default=0.0)

    before, step, area = 0.0, 0.0, 0.0
    for recall, precision in points:
        step += (recall - before) * precision
        area += (recall - before) * best_from(recall)
        before = recall
    eleven = sum(best_from(tenth / 10) for tenth in range(11)) / 11
    return {"all_point": area, "eleven_point": eleven, "step": step}


def test_a_ranking_worked_out_by_hand():
    # Right, wrong, right, wrong, wrong: precisions 1 and 2/3 at recalls 1/2 and 1.
    found = average_precision([1, 0, 1, 0, 0], [5, 4, 3, 2, 1])
    assert found == pytest.approx(
        {"all_point": 5 / 6, "step": 5 / 6, "eleven_point": (6 + 5 * 2 / 3) / 11}
    )
    # Wrong, right, right: the precision rises from 1/2 to 2/3.
    found = average_precision([0, 1, 1], [3, 2, 1])
    assert found == pytest.approx(
        {"all_point": 2 / 3, "step": 7 / 12, "eleven_point": 2 / 3}
    )


@pytest.mark.parametrize("seed", range(20))
def test_every_definition_is_that_of_the_slow_reference(seed):
    random = np.random.default_rng(seed)
    number = int(random.integers(1, 60))
    relevant = random.random(number) < 0.4
    relevant[0] = True
    scores = random.normal(size=number).round(1 if seed % 2 else 6)  # with ties
    found = average_precision(relevant, scores)
    assert found == pytest.approx(slow(relevant, scores))
    assert found["step"] == pytest.approx(average_precision_score(relevant, scores))
    assert found.keys() == DEFINITIONS.keys()


def test_recalls_of_tenths_are_reached():
    # 7 / 10 in floating point is less than 0.7000000000000001.
    relevant = [1] * 7 + [0] * 90 + [1] * 3
    found = average_precision(relevant, -np.arange(100.0))
    assert found["eleven_point"] == pytest.approx((8 + 3 * 0.1) / 11)


def test_scores_that_are_all_equal_are_no_ranking():
    found = average_precision([1, 0, 0, 0], np.zeros(4))
    assert found == pytest.approx(dict.fromkeys(DEFINITIONS, 0.25))


def test_images_that_say_neither_are_left_out_of_a_class():
    targets = np.array([[1, -1, -1], [0, 1, -1], [1, 1, -1], [-1, 0, 0]])
    scores = np.array([[4, 1, 0], [9, 2, 0], [2, 3, 0], [3, 9, 0]], float)
    found = average_precisions(targets, scores)
    first = average_precision([1, 1, 0], [4, 2, 3])
    assert found["step"] == [first["step"], 1.0, None]
    assert found["all_point"] == [first["all_point"], 1.0, None]


@pytest.mark.parametrize(
    ("relevant", "scores", "message"),
    [
        ([0, 0], [1, 2], "at least one of them true"),
        ([1], [1, 2], "as many as `scores`"),
        ([1, 0], [1, np.nan], "must be finite"),
    ],
)
def test_what_is_no_ranking_is_refused(relevant, scores, message):
    with pytest.raises(ValueError, match=message):
        average_precision(relevant, scores)
