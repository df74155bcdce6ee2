import json

import numpy as np
import pytest
from PIL import Image

from tests.helpers.pictures import encoded
from tests.helpers.trees import write_tree
from visualize.images.parts import (
    images_with_parts,
    masks_on,
    random_masks,
    read_parts,
)
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import UsageError

PREPROCESSING = Preprocessing(np.zeros((16, 16, 3), np.float32), crop_size=12)


def written(folder, parts):
    path = folder / "parts.json"
    path.write_text(json.dumps({"unit": "fractions", "parts": parts}))
    return path


@pytest.fixture
def photographs_of_two(tmp_path):
    """White with a red spot: wide, with the spot at x 20, y 8; tall, at x 8, y 20."""
    wide = np.full((16, 32, 3), 255, np.uint8)
    wide[8, 20] = (255, 0, 0)
    files = {"a/wide.png": Image.fromarray(wide)}
    files["tall.png"] = Image.fromarray(wide.transpose(1, 0, 2))
    files = {name: encoded(image, "PNG") for name, image in files.items()}
    return write_tree(tmp_path / "images", files)


def test_points_and_boxes_are_found_in_the_crop(photographs_of_two, tmp_path):
    spot = [20.5 / 32, 8.5 / 16]
    box = [18 / 32, 4 / 16, 22 / 32, 10 / 16]
    parts = {
        "wide.png": {"spot": spot, "box": box},
        "tall.png": {
            "box": [box[1], box[0], box[3], box[2]],
            "spot": [spot[1], spot[0]],
        },
    }
    read = read_parts(written(tmp_path, parts))
    assert [*read["tall.png"]] == ["spot", "box"]
    wide, tall = images_with_parts(read, photographs_of_two, PREPROCESSING)
    # The centre square begins at x 8, its crop 2 further on in both directions.
    assert wide.parts["spot"].tolist() == [6.5, 10.5, 6.5, 10.5]
    assert wide.parts["box"].tolist() == [2, 8, 8, 12]
    assert tall.parts["spot"].tolist() == [10.5, 6.5, 10.5, 6.5]
    assert wide.square[2 + 6, 2 + 10].tolist() == [255, 0, 0]
    assert tall.square[2 + 10, 2 + 6].tolist() == [255, 0, 0]

    masks = masks_on([wide, tall], size=3, shape=(12, 12))
    assert masks[0].tolist() == [[5, 9, 8, 12], [9, 5, 12, 8]]
    assert masks[1].tolist() == [[2, 8, 8, 12], [8, 2, 12, 8]]


def test_masks_are_moved_into_the_picture_and_keep_their_size(
    photographs_of_two, tmp_path
):
    parts = {name: {"corner": [0.5, 0.5]} for name in ("wide.png", "tall.png")}
    images = images_with_parts(
        read_parts(written(tmp_path, parts)), photographs_of_two, PREPROCESSING
    )
    images[0].parts["corner"] = np.array([0.0, 12, 0, 12])
    (masks,) = masks_on(images, size=5, shape=(12, 12))
    assert masks[0].tolist() == [0, 7, 5, 12]
    assert (masks[:, 2:] - masks[:, :2] == 5).all()


def test_random_masks_have_the_sizes_of_the_parts_and_lie_inside():
    masks = np.array([[[0, 0, 3, 4], [0, 0, 5, 5]], [[1, 1, 2, 2], [0, 0, 12, 1]]])
    found = random_masks(masks, 400, shape=(12, 12), seed=1)
    sizes = found[..., 2:] - found[..., :2]
    assert (sizes[::2] == [[3, 4], [5, 5]]).all()
    assert (sizes[1::2] == [[1, 1], [12, 1]]).all()
    assert found.min() == 0
    assert found.max() == 12
    # Each image has its own places, all of them, and a seed fixes them.
    assert (found[1::2, 0, 0] != found[1::2, 1, 0]).any()
    assert {*found[1::2, 0, 0].tolist()} == {*range(12)}
    assert (found == random_masks(masks, 400, shape=(12, 12), seed=1)).all()
    assert (found != random_masks(masks, 400, shape=(12, 12), seed=2)).any()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "JSON"),
        ('{"parts": {"a": {"nose": [0, 0]}}}', "two images or more"),
        ('{"parts": {"a": {"nose": [0, 0]}, "b": {"eye": [0, 0]}}}', "the same parts"),
        ('{"parts": {"a": [0, 0], "b": [0, 0]}}', "parts by name"),
        ('{"parts": {"a": {"nose": [0, 0]}, "b": {"nose": [0, 1.5]}}}', "from 0 to 1"),
        (
            '{"parts": {"a": {"e": [0.5, 0, 0.5, 1]}, "b": {"e": [0, 0, 1, 1]}}}',
            "from 0 to 1",
        ),
        ('{"parts": {"a": {"random": [0, 0]}, "b": {"random": [0, 0]}}}', "'random'"),
    ],
)
def test_files_of_another_form_are_refused(content, named, tmp_path):
    path = tmp_path / "parts.json"
    path.write_text(content)
    with pytest.raises(UsageError) as caught:
        read_parts(path)
    assert caught.value.argument == "--parts" and named in caught.value.expected


def test_a_name_that_several_images_have_must_say_which(photographs_of_two):
    other = photographs_of_two / "b" / "wide.png"
    other.parent.mkdir()
    other.write_bytes((photographs_of_two / "tall.png").read_bytes())

    def found(name):
        parts = {name: {"spot": [0.5, 0.5]}}
        return images_with_parts(parts, photographs_of_two, PREPROCESSING)[0].square

    with pytest.raises(UsageError, match=r"such as (a|b)/wide\.png"):
        found("wide.png")
    assert (found("b/wide.png") == found("tall.png")).all()
    assert (found("a/wide.png") != found("tall.png")).any()


def test_images_that_do_not_serve_are_named(photographs_of_two):
    (photographs_of_two / "bad.png").write_bytes(b"no image")
    for name, place, error in (
        ("none.png", [0.5, 0.5], FileNotFoundError),
        ("wide.png", [0.05, 0.5], UsageError),  # outside of the centre crop
        ("bad.png", [0.5, 0.5], UsageError),
    ):
        with pytest.raises(error, match=name):
            images_with_parts(
                {name: {"nose": place}}, photographs_of_two, PREPROCESSING
            )
