import pytest

from tests.helpers.pictures import encoded, picture
from visualize.report.sections import gallery
from zfkeras.io.files import write_json


def read(folder, *layers):
    record = {
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
    layers = [{**record, "layer": "x", **changes} for changes in layers]
    path = folder / "gallery.json"
    write_json(path, {"layers": layers, "top": 9, "num_images": 5})
    return gallery(path)


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
    found = read(tmp_path, *({"layer": name} for name in names))
    assert [layer.short for layer in found.layers] == shorts


def test_nothing_is_said_of_classes_that_are_not_known(tmp_path):
    known = read(tmp_path, {}, {})
    assert "from 2.0 classes on average." in known.layers[0].facts
    assert any("classes in layer" in sentence for sentence in known.ours)
    unknown = read(tmp_path, {}, {"mean_num_classes_in_top": None})
    assert unknown.layers[1].facts.endswith("without any activation.")
    assert not any("classes in layer" in sentence for sentence in unknown.ours)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "A unit sees 7 x 9 pixels, the next one 2 further on. 1,280 channels"),
        ({"stride": [0, 0]}, "A unit sees the whole image. 1,280 channels"),
        ({"knows_receptive_field": False}, "What a unit sees cannot be told"),
    ],
)
def test_what_a_unit_sees_is_said_where_it_is_known(tmp_path, changes, said):
    assert said in read(tmp_path, changes).layers[0].facts


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
    (card,) = read(tmp_path, {"features": [feature]}).layers[0].cards
    assert card.summary == "red panda (2); Egyptian cat"
    assert [shown["class_name"] for shown in card.top] == [
        "n02124075 Egyptian cat",
        "–",
        "–",
    ]
    assert "red panda" in card.words and "n02124075" in card.words
