import numpy as np
import pytest

from visualize.deconvnet.deconvnet import METHODS
from visualize.figures.sanity.measures import CHANCE, EDGES, Outcome
from visualize.figures.sanity.tables import layer_to_json, likeness_table, score_table
from visualize.figures.sanity.verdict import LayerResult, findings, is_above, verdict


def around(mean):
    """Six channels whose mean it is; the standard error is 0.01."""
    return mean + 0.01 * np.sqrt(30 / 4) * np.array([-1, 1, -1, 1, 0, 0])


def outcome(**means):
    """Scores of a network that passes all tests, but for those given."""
    usual = {"same_unit": 0.3, "other_units": 0.0, "other_signal": 0.1, "gain": 0.6}
    scores = {m: {k: around(v) for k, v in (usual | means).items()} for m in METHODS}
    for found in scores.values():
        found.setdefault("empty", np.zeros(6))
    scores |= {EDGES: {"gain": around(0.1)}, CHANCE: {"gain": around(0.0)}}
    curves = {name: np.zeros((2, 11)) for name in scores}
    return Outcome(np.arange(6), scores, curves)


def result(own=None, twin=None, rank=0.1, pools_maxima=True, heading="conv"):
    likeness = {
        method: {
            name: np.stack([around(0), around(rank), around(rank / 2)])
            for name in ("rank", "rank_of_sizes", "ssim", "ssim_of_sizes")
        }
        for method in METHODS
    }
    own, twin = own or outcome(), twin or outcome(same_unit=0.1, gain=0.3)
    return LayerResult(heading, heading, pools_maxima, own, twin, likeness)


def test_a_layer_that_passes_all_tests():
    assert verdict(result()) == (
        "conv: these projections show this image and this unit; they change when the "
        "layer's filters are replaced, as they should; they mark the pixels that the "
        "unit needs better than an edge detector."
    )


@pytest.mark.parametrize(
    ("means", "pools_maxima", "said"),
    [
        ({"same_unit": 0.9}, True, "show the unit's pattern, not this image;"),
        (
            {"same_unit": 0.9},
            False,
            "show the unit's pattern, not this image: there is no max pooling below",
        ),
        ({"same_unit": 0.9, "other_units": 0.9}, True, "look alike for all units"),
        ({"other_units": 0.3}, True, "are no more alike for one unit than for"),
        ({"other_signal": 0.8}, True, "two random signals give pictures with a cosine"),
        ({"gain": 0.1}, True, "needs no better than an edge detector"),
    ],
)
def test_what_a_layer_fails_is_said(means, pools_maxima, said):
    assert said in verdict(result(outcome(**means), pools_maxima=pools_maxima))


def test_pictures_that_outlive_the_layers_filters():
    kept = result(rank=0.7, heading="high")
    assert "leave a rank correlation of 0.70" in verdict(kept)
    assert "as they should" not in verdict(kept)
    sentences = findings([result(heading="low"), kept])
    assert len(sentences) == 5
    assert sentences[2].endswith("deconvnet in high; guided in high; gradient in high.")
    assert "deconvnet in none; guided in none" in sentences[3]


def test_what_does_not_tell_the_network_from_its_twin_is_said():
    (said,) = findings([result()])[3:]
    assert "likeness over random signals" in said and "6 channels" in said
    assert "over images" not in said and "insertion" not in said
    told = findings([result(twin=outcome(same_unit=0.1, gain=0.3, other_signal=0.5))])
    assert told[-1].startswith("Every test tells")


def test_a_difference_counts_beyond_two_errors_and_only_among_what_is_known():
    assert is_above(around(0.021)) and not is_above(around(0.019))
    assert is_above(np.append(around(0.021), np.nan))
    assert not is_above(np.array([0.5])) and not is_above(np.full(3, np.nan))


def test_tables_put_the_twin_in_brackets_and_dashes_where_nothing_is_measured():
    table = score_table(result())
    assert table.rows[0] == [
        *("deconvnet", "0.30 (0.10)", "0.00 (0.00)", "0.10 (0.10)", "0.60 (0.30)")
    ]
    assert table.rows[-1] == ["random order", "–", "–", "–", "0.00 (0.00)"]
    rows = likeness_table(result(rank=0.4)).rows
    assert [row[1] for row in rows[:3]] == ["0.40", "0.20", "0.00"]
    record = layer_to_json(result())
    gain = record["network"]["guided"]["gain"]
    assert gain == pytest.approx({"mean": 0.6, "standard_error": 0.01})


def test_empty_pictures_are_said_and_counted_where_there_are_some():
    one = outcome()
    one.scores["gradient"]["empty"] = np.array([1, 0.5, 0, 0, 0, 0])
    layers = [result(), result(one, heading="top")]
    (said,) = (line for line in findings(layers) if "empty" in line)
    assert "ReLU6 at its ceiling: gradient in top (25%)." in said
    assert "empty pictures" not in score_table(layers[0]).headings
    table = score_table(layers[1])
    column = table.headings.index("empty pictures")
    assert [row[column] for row in table.rows[:3]] == [
        *("0.00 (0.00)", "0.00 (0.00)", "0.25 (0.00)")
    ]
