import pytest

from tests.helpers.pictures import encoded, picture
from visualize.report.sections import gallery, record_section
from zfkeras.errors import RunError
from zfkeras.records import Record, Table


def gallery_of(folder, *layers, images_per_class=9):
    record = {
        "layer": "x",
        "layer_name": "x",
        "receptive_field": [7, 9],
        "stride": [2, 2],
        "num_channels": 1280,
        "num_dead": 0,
        "mean_num_classes_in_top": 2.0,
        "num_classes_by_chance": 3.0,
        "left": "filter",
        "features": [],
    }
    layers = [{**record, **changes} for changes in layers]
    numbers = {"layers": layers, "top": 9, "num_images": 5}
    numbers["images_per_class"] = images_per_class
    return gallery(Record({"claim": "features differ"}, [], numbers), folder)


def section_of(folder, record):
    return record_section("x", "Fig. 0: x", record, folder)


def test_a_section_shows_claim_findings_tables_and_pictures(tmp_path):
    (tmp_path / "x.png").write_bytes(encoded(picture(40, 30), "PNG"))
    table = Table("numbers", ["a"], [["1"]])
    record = Record({"claim": "c"}, ["s"], {}, [table], {"x.png": None})
    section = section_of(tmp_path, record)
    assert (section.anchor, section.short, section.paper) == ("x", "Fig. 0", "c")
    assert (section.ours, section.tables) == (("s",), (table,))
    (shown,) = section.pictures
    assert (shown.width, shown.alt) == (40, "Fig. 0: x. s")
    assert section_of(tmp_path, Record({}, [])).paper == ""


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (None, ()),
        ({"count": 0}, ()),
        ({"count": 1}, ("1 image could not be read and took no part.",)),
        ({"count": 1200}, ("1,200 images could not be read and took no part.",)),
    ],
)
def test_images_that_could_not_be_read_are_counted(bad, said, tmp_path):
    assert section_of(tmp_path, Record({}, [], {"bad_images": bad})).ours == said


@pytest.mark.parametrize("name", ["gone.png", "../x.png", "broken.png"])
def test_pictures_that_cannot_be_shown_are_a_failed_run(name, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(RunError, match=name):
        section_of(tmp_path, Record({}, [], pictures={name: None}))


@pytest.mark.parametrize(
    ("names", "shorts"),
    [
        ((1, 2), ["1", "2"]),
        (("conv1", "conv2"), ["conv1", "conv2"]),
        (("net_1.00.a", "net_1.00.b"), ["a", "b"]),
        (("net.a", "head"), ["net.a", "head"]),
        (("net.a", "other.a"), ["net.a", "other.a"]),
    ],
)
def test_buttons_leave_out_the_model_that_all_layers_lie_in(tmp_path, names, shorts):
    found = gallery_of(tmp_path, *({"layer": name} for name in names))
    assert [layer.short for layer in found.layers] == shorts


def test_nothing_is_said_of_classes_that_are_not_known(tmp_path):
    known = gallery_of(tmp_path, {}, {})
    assert "from 2.0 classes on average." in known.layers[0].facts
    assert any("classes in layer" in sentence for sentence in known.ours)
    unknown = gallery_of(tmp_path, {}, {"mean_num_classes_in_top": None})
    assert unknown.layers[1].facts.endswith("without any activation.")
    assert not any("classes in layer" in sentence for sentence in unknown.ours)


@pytest.mark.parametrize(
    ("classes", "verdict"),
    [
        (3.0, "are more specific to classes, as in the paper."),
        (3.7, "are a little more specific, as in the paper."),
        (3.9, "are hardly more specific"),
        (4.0, "are not more specific"),
    ],
)
def test_layers_are_compared_by_how_specific_they_are(classes, verdict, tmp_path):
    layers = [{"mean_num_classes_in_top": n, "layer": 1} for n in (4.0, classes)]
    assert any(verdict in sentence for sentence in gallery_of(tmp_path, *layers).ours)


def test_a_claim_about_zfnet_is_not_held_against_other_networks(tmp_path):
    layers = [{"mean_num_classes_in_top": number} for number in (4.0, 3.0)]
    *_, said = gallery_of(tmp_path, *layers).ours
    assert said.endswith("more specific to classes, as the paper reports of ZFNet.")


def test_one_image_per_class_carries_no_verdict_on_classes(tmp_path):
    """Nine images are of nine classes then, whatever a channel answers to."""
    known = {"num_classes_by_chance": 8.7, "layer": 1}
    layers = [{**known, "mean_num_classes_in_top": number} for number in (9.0, 8.0)]
    *_, said = gallery_of(tmp_path, *layers, images_per_class=1).ours
    assert "so few images per class, these images cannot show" in said
    *_, said = gallery_of(tmp_path, *layers, images_per_class=5).ours
    assert said.endswith("a little more specific, as in the paper.")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "A unit sees 7 x 9 pixels, the next one 2 further on. 1,280 channels"),
        ({"stride": [0, 0]}, "A unit sees the whole image. 1,280 channels"),
        ({"knows_receptive_field": False}, "What a unit sees cannot be told"),
    ],
)
def test_what_a_unit_sees_is_said_where_it_is_known(tmp_path, changes, said):
    assert said in gallery_of(tmp_path, changes).layers[0].facts


def test_a_card_calls_images_by_their_class_or_by_their_own_names(tmp_path):
    def row(label, class_name, image_id):
        names = {"label": label, "class_name": class_name, "image_id": image_id}
        return {"activation": 1.5, **names}

    top = [
        row(0, "n02124075 Egyptian cat", "a.jpg"),
        row(-1, "unknown class", "red_panda/left 0 top 0 side 9"),
        row(-1, "unknown class", "red_panda/left 9 top 0 side 9"),
    ]
    (tmp_path / "p.png").write_bytes(encoded(picture(9, 9), "PNG"))
    feature = {"channel": 3, "left": "p.png", "patches": "p.png", "top": top}
    (card,) = gallery_of(tmp_path, {"features": [feature]}).layers[0].cards
    assert card.summary == "red panda (2); Egyptian cat"
    assert [shown["class_name"] for shown in card.top] == [
        "n02124075 Egyptian cat",
        "–",
        "–",
    ]
    assert "red panda" in card.words and "n02124075" in card.words
