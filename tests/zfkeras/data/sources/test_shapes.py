import numpy as np
import pytest
from PIL import Image

from zfkeras.data.files import decoding as images
from zfkeras.data.register import open_source
from zfkeras.data.sources import shapes
from zfkeras.data.sources.shapes import scenes
from zfkeras.data.sources.shapes.outlines import OUTLINES
from zfkeras.errors import UsageError


def drawn(split, number):
    """The first images: (n, 64, 64, 3), (n, 64, 64), (n,)."""
    rendered = [shapes.render(split, index) for index in range(number)]
    return tuple(np.stack(part) for part in zip(*rendered, strict=True))


@pytest.fixture(scope="module")
def sample():
    return drawn("train", 240)


def test_an_image_is_decided_by_seed_split_and_index():
    image, mask, label = shapes.render("train", 5)
    again, mask_again, _ = shapes.render("train", 5)
    assert np.array_equal(image, again) and np.array_equal(mask, mask_again)
    assert label == 5
    for other in (("train", 17, 64, 0), ("validation", 5, 64, 0), ("train", 5, 64, 1)):
        assert not np.array_equal(image, shapes.render(*other)[0])


def test_the_splits_are_balanced_and_hand_out_the_rendered_pixels():
    source = open_source("shapes")
    assert len(source.class_names) == len(set(source.class_names)) == 12
    for name, per_class in (("train", 300), ("validation", 50)):
        split = source.split(name)
        assert np.bincount(split.labels).tolist() == [per_class] * 12
        example = next(split.stream(start=7).as_numpy_iterator())
        decoded = np.asarray(images.decode(split.read(example["key"])))
        image, mask, label = shapes.render(name, 7)
        assert np.array_equal(decoded, image)
        assert np.array_equal(shapes.mask(example["id"]), mask)
        assert example["label"] == label


def test_the_object_stands_out_from_its_ground_and_off_the_border(sample):
    pictures, masks, _ = sample
    area = masks.mean(axis=(1, 2))
    assert area.min() > 0.02 and area.max() < 0.45
    distances = [
        np.linalg.norm(image[mask].mean(axis=0) - image[~mask].mean(axis=0))
        for image, mask in zip(pictures, masks, strict=True)
    ]
    assert np.quantile(distances, 0.05) > 60
    for edge in (masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]):
        assert not edge.any()


def test_a_larger_picture_shows_the_same_scene():
    for index in range(12):
        small, large = shapes.render("train", index), shapes.render("train", index, 256)
        blocks = large[1].reshape(64, 4, 64, 4).mean(axis=(1, 3)) >= 0.5
        union = (blocks | small[1]).sum()
        assert (blocks & small[1]).sum() / union > 0.9
        reduced = np.asarray(Image.fromarray(large[0]).reduce(4), float)
        assert np.abs(reduced - small[0]).mean() < 12


@pytest.mark.parametrize("statistics", [[np.mean], [np.mean, np.std]])
def test_colour_and_its_spread_do_not_give_the_class_away(sample, statistics):
    # A nearest-class-mean classifier on the whole picture's colour; chance is 0.083.
    def features_of(pictures):
        parts = [statistic(pictures, axis=(1, 2)) for statistic in statistics]
        return np.concatenate(parts, axis=1)

    pictures, _, labels = sample
    unseen, _, unseen_labels = drawn("validation", 300)
    features = features_of(pictures)
    scale = features.std(axis=0)
    means = np.stack([features[labels == c].mean(axis=0) for c in range(12)])
    distances = (((features_of(unseen)[:, None] - means) / scale) ** 2).sum(axis=-1)
    assert (distances.argmin(axis=1) == unseen_labels).mean() < 0.2


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("circle", np.pi),
        ("ring", np.pi * (1 - 0.55**2)),
        ("square", 2.0),
        ("triangle", 3 * 3**0.5 / 4),
        ("half disc", np.pi / 2 / (1 + 0.45**2)),
    ],
)
def test_masks_have_the_area_that_geometry_says(name, area):
    coverage = scenes.outline_mask(
        OUTLINES[name], centre=(0.5, 0.5), radius=0.3, angle=0.2, size=256
    )
    # 1 %: a polygon of 72 corners, whose border pixels are drawn whole.
    np.testing.assert_allclose(coverage.mean() / 0.3**2, area, rtol=0.01)


def test_the_data_set_is_the_one_that_the_results_were_made_with():
    # Area and centre (y, x) of the masks, and mean colour of the objects, in pixels
    # and grey levels; the bounds leave room for another rasteriser, not another scene.
    for index, area, centre, colour in (
        (0, 448, (20.5, 25.9), (119, 82, 95)),
        (3, 457, (28.8, 28.2), (115, 248, 169)),
        (8, 438, (28.9, 30.1), (190, 246, 156)),
    ):
        image, mask, _ = shapes.render("train", index)
        np.testing.assert_allclose(mask.sum(), area, rtol=0.05)
        np.testing.assert_allclose(np.argwhere(mask).mean(axis=0), centre, atol=0.5)
        np.testing.assert_allclose(image[mask].mean(axis=0), colour, atol=4)


def test_any_number_of_images_is_carved_and_cut_like_the_usual_set():
    def rows(split):
        return [*split.stream((1, 1)).as_numpy_iterator()]

    some, usual = (open_source(s).split("train") for s in ("shapes:16:3600", "shapes"))
    assert rows(some) == rows(usual)
    for one, two in zip(some.carve(0.1, 5), usual.carve(0.1, 5), strict=True):
        assert rows(one.first_classes(4)) == rows(two.first_classes(4))
        assert rows(one.carve(0.5)[1]) == rows(two.carve(0.5)[1])


def test_two_billion_images_cost_nothing_until_they_are_read():
    split = open_source("shapes:64:2000000000").split("train")
    row = next(split.stream(start=1_999_999_999).as_numpy_iterator())
    assert row["id"] == b"train/1999999999"
    image, mask, label = shapes.render("train", 1_999_999_999)
    assert np.array_equal(np.asarray(images.decode(split.read(row["key"]))), image)
    # Previously a mask was refused behind the 3,600th.
    assert np.array_equal(shapes.mask(row["id"]), mask)
    assert row["label"] == label


@pytest.mark.parametrize(
    "rest", ["big", "8", "4096", "064", "64:", "64:11", "64:2000000001", "9" * 5000]
)
def test_a_bad_size_or_number_of_images_is_refused(rest):
    with pytest.raises(UsageError, match="16 to 1024|12 to 2000000000"):
        open_source(f"shapes:{rest}")


@pytest.mark.parametrize(
    "id", ["train/x", "train/2000000000", "validation/00600", "test/0", b"\xff/1", "9"]
)
def test_an_unknown_id_has_no_mask(id):
    with pytest.raises(UsageError, match="id must be"):
        shapes.mask(id)


@pytest.mark.parametrize(
    ("name", "value"), [("split", "test"), ("index", -1), ("size", 0), ("seed", -1)]
)
def test_what_cannot_be_rendered_is_refused(name, value):
    with pytest.raises(UsageError, match=f"{name} must be"):
        shapes.render(**{"split": "train", "index": 0, name: value})
