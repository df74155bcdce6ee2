import dataclasses

import numpy as np
import pytest

from visualize.figures.correspondence.sign_table import SignTable


@pytest.fixture
def table():
    low = np.array([[0.1, 0.3], [0.2, 0.2], [0.5, 0.3], [0.2, 0.4], [0.1, 0.1]])
    high = np.full((5, 2), 0.2)
    paper = [{"nose": (0.079, 0.017)}, {"nose": (0.069, 0.011)}]
    changed = [np.full((5, 3), 0.5)] * 2
    return SignTable(
        ["nose", "eye"], ["layer 5", "layer 7"], [low, high], changed, paper
    )


def test_the_table_is_that_computed_by_hand(table):
    assert table.mean_and_deviation("nose", 0) == pytest.approx((0.2, 0.1))
    chance = (0.5 + 0.3 + 0.2 + 0.4 + 0.1 + 0.1) / 6
    assert table.mean_and_deviation("random", 0)[0] == pytest.approx(chance)
    assert table.margin(0) == pytest.approx(1 - 0.2 / chance)
    assert table.margin(1) == pytest.approx(0)
    # Trials have means 0.4, 0.3 and 0.1; one is as low as 0.2.
    assert table.share_of_lower_trials("nose", 0) == pytest.approx(1 / 3)
    nose, eye, random = table.to_json()["layer 5"].values()
    assert nose["share_of_random_trials_as_low"] == pytest.approx(1 / 3)
    assert nose["paper"] == {"mean": 0.079, "deviation": 0.017}
    assert eye["paper"] is None and eye["share_of_features_changed"] == 0.5
    assert random["deviation_of_trial_means"] == pytest.approx(np.std([0.4, 0.3, 0.1]))


@pytest.mark.parametrize(
    ("paper", "headings", "nose"),
    [
        ([{}, {}], ["layer 5", "layer 7"], ["0.200 ± 0.100", "0.200 ± 0.000"]),
        (
            [{}, {"nose": (0.069, 0.011)}],
            ["layer 5", "layer 7", "paper"],
            ["0.200 ± 0.100", "0.200 ± 0.000", "0.069 ± 0.011"],
        ),
    ],
)
def test_the_paper_has_a_column_beside_layers_it_tells_of(table, paper, headings, nose):
    shown = dataclasses.replace(table, paper=paper).beside_paper(3)
    assert shown.headings == ["hidden", *headings]
    assert shown.rows[0] == ["nose", *nose]
    assert [row[0] for row in shown.rows] == ["nose", "eye", "random"]
    assert "3 images" in shown.caption


def test_the_size_of_the_paper_s_margin_stands_beside_ours(table):
    assert "in the paper" not in table.summary()[0]  # it has no "eye"
    table.paper[0].update(eye=(0.067, 0.007), random=(0.107, 0.017))
    # (0.079 + 0.067) / 2 is 31.8 % below the 0.107 of random places.
    assert "25.0% below random places (in the paper 31.8% below)" in table.summary()[0]


def test_the_verdict_and_what_may_be_chance_follow_the_numbers(table):
    *_, verdict, chance = table.summary()
    assert verdict.endswith("in direction as the paper reports.")
    assert "may be chance" in chance  # one trial of three is as low
    swapped = dataclasses.replace(table, distances=table.distances[::-1])
    assert swapped.summary()[4].endswith("unlike what the paper reports.")
    other = dataclasses.replace(table, paper=[{}, {}])
    assert other.summary()[4].endswith(
        "The paper's numbers are of ZFNet and of dogs' faces."
    )
    low = table.distances[0] + np.array([[0], [0], [1], [1], [1]])
    clear = dataclasses.replace(table, distances=[low, table.distances[1]])
    assert not any("chance" in sentence for sentence in clear.summary())
    single = dataclasses.replace(
        clear, **{name: getattr(clear, name)[:1] for name in ("layers", "paper")}
    )
    assert len(single.summary()) == 2  # one layer has no margin to compare
    high = table.distances[0] + np.array([[9], [9], [0], [0], [0]])
    against = dataclasses.replace(table, distances=[high, high])
    assert against.summary()[-1].endswith("not chance, and against the claim.")


def test_what_more_changes_explain_is_taken_away(table):
    # Parts change twice as many features as random places do; signs differ 25 % less.
    changed = [np.array([[0.4] * 3] * 2 + [[0.2] * 3] * 3)] * 2
    by_change = dataclasses.replace(table, changed=changed).summary()[2]
    assert "A part changes 40.0% of the features of layer 5, a random place 20.0%" in (
        by_change
    )
    assert "lie 62.5% below random places" in by_change  # 1 - 0.75 / 2
