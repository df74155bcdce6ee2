import numpy as np
import pytest
from PIL import Image

from zfkeras.data import images, shapes
from zfkeras.data.sources import open_source
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


def test_colour_and_size_alone_do_not_give_the_class_away(sample):
    # A nearest-class-mean classifier on the mean colours of object and ground.
    pictures, _, labels = sample
    features = np.concatenate(
        [pictures.mean(axis=(1, 2)), pictures.std(axis=(1, 2))], axis=1
    )
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    half = len(labels) // 2
    means = np.stack(
        [features[:half][labels[:half] == c].mean(axis=0) for c in range(12)]
    )
    distances = ((features[half:, None] - means[None]) ** 2).sum(axis=-1)
    assert (distances.argmin(axis=1) == labels[half:]).mean() < 0.25


@pytest.mark.parametrize("spec", ["shapes:big", "shapes:8", "shapes:4096"])
def test_a_bad_size_is_refused(spec):
    with pytest.raises(UsageError, match="16 to 1024"):
        open_source(spec)


def test_an_unknown_split_or_id_is_refused():
    with pytest.raises(UsageError, match="split must be one of"):
        shapes.render("test", 0)
    with pytest.raises(UsageError, match="SPLIT/NUMBER"):
        shapes.mask("train/x")


def test_the_paper_scale_reads_larger_images():
    source = open_source("shapes:256")
    split = source.split("train")
    assert images.decode(split.read(split.keys[0])).size == (256, 256)
