import numpy as np
import pytest
from PIL import Image

from tests.helpers.trees import contents
from zfkeras.data.files import decoding as images
from zfkeras.data.register import open_source
from zfkeras.data.sources import shape_scenes, shapes
from zfkeras.data.sources.shape_outlines import OUTLINES
from zfkeras.errors import UsageError


@pytest.fixture(scope="module")
def sample():
    """The first 20 images a class: (n, 64, 64, 3), (n, 64, 64), (n,)."""
    drawn = [shapes.render("train", index) for index in range(240)]
    return tuple(np.stack(part) for part in zip(*drawn, strict=True))


def test_an_image_is_decided_by_seed_split_and_index():
    image, mask, label = shapes.render("train", 5)
    again, mask_again, _ = shapes.render("train", 5)
    assert np.array_equal(image, again) and np.array_equal(mask, mask_again)
    assert label == 5
    for other in (("train", 17, 64, 0), ("validation", 5, 64, 0), ("train", 5, 64, 1)):
        assert not np.array_equal(image, shapes.render(*other)[0])


def test_the_splits_are_balanced_and_disjoint():
    source = open_source("shapes")
    assert len(source.class_names) == len(set(source.class_names)) == 12
    pictures = {}
    for name, per_class in (("train", 300), ("validation", 50)):
        split = source.split(name)
        assert np.bincount(split.labels).tolist() == [per_class] * 12
        pictures[name] = {split.read(key) for key in split.keys[:600]}
        assert len(pictures[name]) == 600
    assert not pictures["train"] & pictures["validation"]


def test_a_split_hands_out_the_rendered_pixels():
    split = open_source("shapes").split("validation")
    example = next(split.stream(start=7).as_numpy_iterator())
    decoded = np.asarray(images.decode(split.read(example["key"])))
    image, mask, label = shapes.render("validation", 7)
    assert np.array_equal(decoded, image)
    assert np.array_equal(shapes.mask(example["id"]), mask)
    assert example["label"] == label


def test_the_object_stands_out_from_its_ground(sample):
    pictures, masks, _ = sample
    area = masks.mean(axis=(1, 2))
    assert area.min() > 0.02 and area.max() < 0.45
    distances = [
        np.linalg.norm(image[mask].mean(axis=0) - image[~mask].mean(axis=0))
        for image, mask in zip(pictures, masks, strict=True)
    ]
    assert np.quantile(distances, 0.05) > 60


def test_no_object_is_cut_by_the_border(sample):
    _, masks, _ = sample
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
    features = features_of(pictures)
    unseen = [shapes.render("validation", index) for index in range(600)]
    unseen_features = features_of(np.stack([image for image, _, _ in unseen]))
    unseen_labels = np.array([label for _, _, label in unseen])

    scale = features.std(axis=0)
    means = np.stack([features[labels == c].mean(axis=0) for c in range(12)])
    distances = (((unseen_features[:, None] - means) / scale) ** 2).sum(axis=-1)
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
    coverage = shape_scenes.outline_mask(
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


@pytest.mark.parametrize(
    "spec",
    ["shapes:big", "shapes:8", "shapes:4096", "shapes:064"],
)
def test_a_bad_size_is_refused(spec):
    with pytest.raises(UsageError, match="16 to 1024"):
        open_source(spec)


def test_an_unknown_split_or_id_is_refused():
    with pytest.raises(UsageError, match="split must be one of"):
        shapes.render("test", 0)
    # Previously an id behind the last example got a mask, and b"\xff" a decoding error.
    # There are as many training images as are asked for: train/03600 is one.
    for id in (
        "train/x",
        "train/2000000000",
        "validation/00600",
        "test/0",
        b"\xff/1",
        "9" * 9,
    ):
        with pytest.raises(UsageError, match="id must be train/NUMBER or validation/N"):
            shapes.mask(id)


@pytest.mark.parametrize("argument", [{"index": -1}, {"size": 0}, {"seed": -1}])
def test_a_number_that_is_too_small_is_refused(argument):
    (name,) = argument
    with pytest.raises(UsageError, match=f"{name} must be at least"):
        shapes.render(**{"split": "train", "index": 0, **argument})


def test_more_images_begin_with_those_of_the_usual_set():
    usual = open_source("shapes").split("train")
    more = open_source("shapes:64:5000").split("train")
    assert more.num_examples == 5000
    rows, few = ([*s.stream().as_numpy_iterator()] for s in (more, usual))
    assert rows[:3600] == few
    assert more.read(rows[7]["key"]) == usual.read(few[7]["key"])
    # Previously a mask was refused behind the 3,600th.
    last = rows[-1]
    image, mask, label = shapes.render("train", 4999)
    assert last["id"] == b"train/04999" and last["label"] == label
    assert np.array_equal(np.asarray(images.decode(more.read(last["key"]))), image)
    assert np.array_equal(shapes.mask(last["id"]), mask)


def test_drawn_images_are_carved_and_cut_like_listed_ones():
    def rows(split):
        return [*split.stream((1, 1)).as_numpy_iterator()]

    drawn, listed = (open_source(s) for s in ("shapes:16:3600", "shapes:16"))
    for one, two in zip(
        drawn.split("train").carve(0.1, 5),
        listed.split("train").carve(0.1, 5),
        strict=True,
    ):
        assert rows(one) == rows(two)
        assert rows(one.first_classes(4)) == rows(two.first_classes(4))
        assert [*map(rows, one.carve(0.5))] == [*map(rows, two.carve(0.5))]
    some = drawn.first_classes(2).split("train")
    assert contents(some) == contents(listed.first_classes(2).split("train"))


def test_two_billion_images_cost_nothing_until_they_are_read():
    split = open_source("shapes:16:2000000000").split("train")
    row = next(split.stream(start=1_999_999_999).as_numpy_iterator())
    assert row["id"] == b"train/1999999999"
    assert images.decode(split.read(row["key"])).size == (16, 16)


@pytest.mark.parametrize("count", ["", "11", "2000000001", "9" * 5000])
def test_a_bad_number_of_images_is_refused(count):
    with pytest.raises(UsageError, match="from 12 to 2000000000"):
        open_source(f"shapes:64:{count}")
