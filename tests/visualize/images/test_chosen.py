import os

import pytest

from tests.helpers.networks import make_classifier, spread_answers
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize.images.chosen import (
    chosen_images,
    images_of_files,
    images_of_split,
    input_of,
    picture_of,
)
from zfkeras.data.register import open_source
from zfkeras.data.sources import shapes
from zfkeras.errors import RunError, UsageError

NAMES = ("n02112018 Pomeranian", "star", "tennis ball", "half disc")


@pytest.fixture(scope="module")
def classifier():
    made = make_classifier(1, NAMES)
    spread_answers(made, [noise(number, 64, 64) for number in range(20)])
    return made


def test_named_files_are_all_taken_with_the_class_their_name_tells(
    classifier, tmp_path
):
    names = ["n02112018_7.png", "star/b.png", "cat.png"]
    write_tree(tmp_path, {name: png(noise(i, 80, 64)) for i, name in enumerate(names)})
    paths = [tmp_path / name for name in names]
    found = images_of_files(classifier, paths, count=1)
    assert [image.label for image in found] == [0, 1, None]
    assert [image.name for image in found] == [str(path) for path in paths]
    for number, image in enumerate(found):
        square = classifier.preprocessing.square(noise(number, 80, 64))
        assert (image.square == square).all()
        answer = classifier.predict(noise(number, 80, 64))[0]
        assert image.predicted == answer.argmax()
        crop = classifier.preprocessing.centre_crop(square)
        assert (input_of(classifier, image) == crop).all()
        assert (picture_of(classifier, image) == square[4:60, 4:60]).all()
    given = images_of_files(
        classifier, paths, count=1, classes=["star", "tennis ball", "n02112018"]
    )
    assert [image.label for image in given] == [1, 2, 0]


def test_of_folders_those_the_network_gets_right_come_first(classifier, tmp_path):
    images = {number: noise(number, 64, 64) for number in range(40)}
    answers = classifier.predict([*images.values()]).argmax(axis=1)
    assert len({*answers.tolist()}) > 2
    tree = {
        f"{NAMES[(answers[i] + i % 2) % 4].replace(' ', '_')}/{i:02}.png": png(image)
        for i, image in images.items()
    }
    write_tree(tmp_path, tree)
    found = images_of_files(classifier, [tmp_path], count=3, seed=5)
    assert len({image.label for image in found}) == 3
    assert all(image.label == image.predicted for image in found)
    again = images_of_files(classifier, [tmp_path], count=3, seed=5)
    assert [image.name for image in again] == [image.name for image in found]


def test_in_folders_only_images_count(classifier, tmp_path):
    tree = {f"{i}.PNG": png(noise(i, 64, 64)) for i in range(4)}
    other = {
        name: b"no image"
        for name in (".DS_Store", "._0.png", ".cache/a.png", "notes.txt", "damaged.jpg")
    }
    write_tree(tmp_path / "photographs", tree | other)
    found = images_of_files(classifier, [tmp_path / "photographs"], count=20)
    names = {image.name for image in found}
    assert names <= {str(tmp_path / "photographs" / name) for name in tree}
    assert len(names) == len(found) == 4


def test_a_split_gives_images_with_their_masks(classifier):
    source = open_source("shapes")
    found = images_of_split(classifier, source, "validation", count=4, seed=1)
    assert len(found) == 4
    for image in found:
        number = int(image.name.partition("/")[2])
        picture, mask, label = shapes.render("validation", number)
        assert (image.square == picture).all()
        assert (image.mask == mask[4:60, 4:60]).all()
        known = shapes.CLASS_NAMES[label]
        assert image.label == (NAMES.index(known) if known in NAMES else None)


def test_what_cannot_be_shown_is_named(classifier, tmp_path):
    source = open_source("shapes")

    def refused(*paths, error=UsageError, classes=()):
        with pytest.raises(error) as caught:
            chosen_images(
                classifier, source, "train", paths=paths, classes=classes, count=1
            )
        return str(caught.value)

    assert "no such image" in refused(tmp_path / "none", error=FileNotFoundError)
    (tmp_path / "empty").mkdir()
    assert "holds no images" in refused(tmp_path / "empty")
    bad, good = tmp_path / "bad" / "a.png", tmp_path / "good.png"
    bad.parent.mkdir()
    bad.write_bytes(b"text")
    good.write_bytes(png(noise(0, 64, 64)))
    assert "cannot be read" in refused(bad)
    assert "one class for each" in refused(good, classes=["star", "star"])
    assert "Received: 'lion'" in refused(good, classes=["lion"])
    assert "--images, which is missing" in refused(classes=["star"])
    bad.with_name("b.png").write_bytes(b"text")
    message = refused(bad.parent, error=RunError)
    assert "none of the files could be read" in message


def test_of_several_named_files_an_unreadable_one_is_left_out(
    classifier, tmp_path, caplog
):
    good, bad, pipe = (tmp_path / name for name in ("a.png", "b.png", "c.png"))
    good.write_bytes(png(noise(0, 64, 64)))
    bad.write_bytes(b"text")
    os.mkfifo(pipe)
    found = images_of_files(classifier, [bad, good, pipe], count=1)
    assert [image.name for image in found] == [str(good)]
    assert str(bad) in caplog.text and str(pipe) in caplog.text
    with pytest.raises(RunError):
        images_of_files(classifier, [bad, pipe], count=1)
