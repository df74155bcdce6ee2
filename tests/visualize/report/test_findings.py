import pytest

from visualize.report.findings import (
    claim,
    correspondence,
    evolution,
    filters,
    invariance,
    number,
    percent,
    plain,
    said_of_bad_images,
)


def test_any_record_can_say_what_it_shows():
    assert plain({"summary": "one"}).ours == ("one",)
    assert plain({"finding": ["one", "two"]}).ours == ("one", "two")
    assert plain({}).ours == ()
    assert claim({"paper": "Fig. 2"}) == claim({}) == ""


def test_numbers_as_people_read_them():
    assert (percent(0.6305), percent(None), percent(0.5, 0)) == ("63.0 %", "–", "50 %")
    assert (number(1234.5, 1), number(None)) == ("1,234.5", "–")


def test_images_that_could_not_be_read_are_counted():
    assert said_of_bad_images({}) == said_of_bad_images({"bad_images": None}) == ()
    for count, words in ((1, "1 image"), (1200, "1,200 images")):
        (said,) = said_of_bad_images({"bad_images": {"count": count}})
        assert said == f"{words} could not be read and took no part."


def evolution_record(settled, cosines=(0.1, 0.6, 1.0)):
    layers = {
        name: {
            "cosine_to_last": [None, *cosines[1:]],
            "share_of_channels_with_another_image": [0.9, share],
            "settled_epoch": epoch,
        }
        for (name, share), epoch in zip(
            {"norm1": 0.125, "conv3": 0.3, "pool5": 0.5}.items(), settled, strict=True
        )
    }
    return {
        "epochs": [1, 10, 30],
        "images": 1500,
        "split": "train",
        "layers": layers,
        "paper": {"claim": "the lower layers converge first"},
    }


@pytest.mark.parametrize(
    ("settled", "verdict"),
    [
        ((1, 10, 30), "The lower layers settle first"),
        ((1, 10, None), "The lower layers settle first"),
        ((10, 10, 10), "The layers settle together"),
        ((30, 10, 1), "do not settle in the paper's order"),
        ((None, 10, 10), "do not settle in the paper's order"),
    ],
)
def test_evolution_compares_when_layers_settle(settled, verdict):
    finding = evolution(evolution_record(settled))
    assert finding.paper == "the lower layers converge first"
    assert verdict in finding.ours[0]
    assert "1,500 training images at 3 snapshots" in finding.ours[0]
    assert "12.5 %" not in finding.ours[1] and "12 % of the channels" in finding.ours[1]
    assert finding.tables[0].headings[1:4] == ["1", "10", "30"]
    assert finding.tables[0].rows[0][:4] == ["norm1", "–", "0.60", "1.00"]


def test_evolution_looks_closer_where_layers_settle_at_one_snapshot():
    record = evolution_record((10, 10, 10))
    record["layers"]["norm1"]["cosine_to_last"][1] = 0.74
    assert (
        "the lowest layer is nearer to its end (0.74) than the highest (0.60)"
        in (evolution(record).ours[0])
    )
    record["layers"]["norm1"]["cosine_to_last"][1] = 0.55
    assert "order does not show" in evolution(record).ours[0]


def network(**changes):
    return {
        "label": "<b>",
        "kernel_size": [7, 7],
        "stride": [2, 2],
        "filters": 64,
        "dead": {"count": 3},
        "rms": {"dominance": 1.234},
        "frequency": {
            "mean_share_of_power": {"low": 0.5, "middle": 0.25, "high": None}
        },
        **changes,
    }


def test_filters_name_each_network():
    second = {"reconstructions": 0.231, "images": None}
    shares = {"above_1/4_cycles_per_pixel": second}
    seen = network(
        layer_2={"share_of_power": shares},
        never_active={"count": 2},
        neighbour_correlation=0.5504,
        label="ZFNet",
    )
    finding = filters({"networks": [network(), seen]})
    assert finding.tables[0].rows == [
        ["<b>", "7x7/2", "3 of 64", "–", "1.23", "–", "50 %", "25 %", "–"],
        ["ZFNet", "7x7/2", "3 of 64", "2", "1.23", "0.55", "50 %", "25 %", "–"],
    ]
    assert "23.1 %" in finding.ours[1] and "1/4 cycles per pixel" in finding.ours[1]
    assert "correlate by 0.55" in finding.ours[1]
    assert "correlate" not in finding.ours[0]
    assert len(finding.ours) == 2
    assert "--compare" in filters({"networks": [network()]}).ours[-1]


def test_filters_that_step_by_one_pixel_have_no_grid_to_exceed():
    shares = {"above_1/2_cycles_per_pixel": {"reconstructions": 0.0, "images": 0.0}}
    small = network(stride=[1, 1], layer_2={"share_of_power": shares})
    (sentence, _) = filters({"networks": [small]}).ours
    assert "They step by one pixel" in sentence and "cycles" not in sentence


def test_invariance_has_a_row_for_each_transformation():
    layers = {
        "layer 1": {
            "half_of_largest_mean_distance_at": 0.175,
            "r_squared_of_a_line": 0.66,
        },
        "layer 7": {
            "half_of_largest_mean_distance_at": None,
            "r_squared_of_a_line": None,
        },
    }
    curve = {"unit": "ratio", "identity": 1, "layers": layers}
    curve["share_with_the_same_label"] = 0.69
    finding = invariance({"summary": ["s"], "transformations": {"scale": curve}})
    assert finding.ours == ("s",)
    assert finding.tables[0].rows == [
        ["scale, ratio", "1.18", "–", "0.66", "–", "69 %"]
    ]
    assert len(finding.tables[0].headings) == 6


def test_correspondence_stands_beside_the_paper_where_that_has_it():
    eye = {"mean": 0.0671, "deviation": 0.007, "paper": {"mean": 0.067, "deviation": 0}}
    layers = {"layer 5": {"right eye": eye, "ear": {**eye, "paper": None}}}
    record = {"summary": [], "images": ["a", "b"], "layers": layers}
    (table,) = correspondence(record).tables
    assert table.headings == ["hidden", "layer 5", "paper"]
    assert table.rows == [
        ["right eye", "0.067 ± 0.007", "0.067 ± 0.000"],
        ["ear", "0.067 ± 0.007", "–"],
    ]
    for cell in layers["layer 5"].values():
        cell["paper"] = None
    assert correspondence(record).tables[0].headings == ["hidden", "layer 5"]


def compared(shares, **record):
    cell = {"mean": 0.1, "deviation": 0.01, "paper": None}
    parts = {
        f"part {number}": {**cell, "share_of_random_trials_as_low": share}
        for number, share in enumerate(shares)
    }
    layers = {"hidden": {**parts, "random": cell}}
    return correspondence({"summary": [], "images": [], "layers": layers, **record})


def test_correspondence_says_whose_images_these_are_and_what_may_be_chance():
    chance, stars = compared([0.28, 0.05]).ours
    assert "may be chance" in chance and "all but 5%" in chance
    assert "stars that are built in" in stars and "--parts" in stars
    assert compared([0.28, 0.01]).ours == (stars,)
    assert compared([0.28, 0.01], parts="dogs.json").ours == ()
