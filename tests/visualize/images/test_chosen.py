import os

import pytest

from tests.helpers.networks import make_classifier, spread_answers
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize.figures.invariance.figure import InvarianceSettings
from visualize.images.chosen import chosen_images
from zfkeras.data.register import open_source
from zfkeras.data.sources import shapes
from zfkeras.errors import RunError, UsageError

NAMES = ("n02112018 Pomeranian", "star", "tennis ball", "half disc")


@pytest.fixture(scope="module")
def classifier():
    made = make_classifier(1, NAMES)
    spread_answers(made, [noise(number, 64, 64) for number in range(20)])
    return made


@pytest.fixture(scope="module")
def choose(classifier):
    """Chooses images as a figure of these settings does."""
    source = open_source("shapes")

    def choose(*paths, count=1, **given):
        settings = InvarianceSettings(images=paths, count=count, **given)
        return chosen_images(classifier, source, "validation", settings)

    return choose


def test_named_files_are_all_taken_with_the_class_their_name_tells(
    classifier, choose, tmp_path
):
    names = ["n02112018_7.png", "star/b.png", "cat.png"]
    write_tree(tmp_path, {name: png(noise(i, 80, 64)) for i, name in enumerate(names)})
    paths = [tmp_path / name for name in names]
    found = choose(*paths)
    assert [image.label for image in found] == [0, 1, None]
    assert [image.name for image in found] == [str(path) for path in paths]
    for number, image in enumerate(found):
        square = classifier.preprocessing.square(noise(number, 80, 64))
        assert (image.square == square).all()
        assert image.predicted == classifier.predict(noise(number, 80, 64))[0].argmax()
    assert found[2].shown_class(NAMES).endswith("(most likely)")
    given = choose(*paths, classes=("star", "tennis ball", "n02112018"))
    assert [image.label for image in given] == [1, 2, 0]


def test_of_folders_those_the_network_gets_right_come_first(
    classifier, choose, tmp_path
):
    images = {number: noise(number, 64, 64) for number in range(40)}
    answers = classifier.predict([*images.values()]).argmax(axis=1)
    assert len({*answers.tolist()}) > 2
    tree = {
        f"{NAMES[(answers[i] + i % 2) % 4].replace(' ', '_')}/{i:02}.png": png(image)
        for i, image in images.items()
    }
    write_tree(tmp_path, tree)
    found = choose(tmp_path, count=3, seed=5)
    assert len({image.label for image in found}) == 3
    assert all(image.label == image.predicted for image in found)
    again = choose(tmp_path, count=3, seed=5)
    assert [image.name for image in again] == [image.name for image in found]


def test_in_folders_only_readable_images_count(choose, tmp_path):
    tree = {f"photographs/{i}.PNG": png(noise(i, 64, 64)) for i in range(4)}
    others = (".DS_Store", "._0.png", ".cache/a.png", "notes.txt", "damaged.jpg")
    other = {f"photographs/{name}": b"no image" for name in others}
    write_tree(tmp_path, tree | other)
    found = choose(tmp_path / "photographs", count=20)
    assert {image.name for image in found} == {str(tmp_path / name) for name in tree}
    assert len(found) == 4


def test_a_split_gives_images_with_their_masks(choose):
    found = choose(count=4, seed=1)
    assert len(found) == 4
    for image in found:
        number = int(image.name.partition("/")[2])
        picture, mask, label = shapes.render("validation", number)
        assert (image.square == picture).all()
        assert (image.mask == mask[4:60, 4:60]).all()
        known = shapes.CLASS_NAMES[label]
        assert image.label == (NAMES.index(known) if known in NAMES else None)


def test_of_several_named_files_an_unreadable_one_is_left_out(choose, tmp_path, caplog):
    good, bad, pipe = (tmp_path / name for name in ("a.png", "b.png", "c.png"))
    good.write_bytes(png(noise(0, 64, 64)))
    bad.write_bytes(b"text")
    os.mkfifo(pipe)
    assert [image.name for image in choose(bad, good, pipe)] == [str(good)]
    assert str(bad) in caplog.text and str(pipe) in caplog.text
    with pytest.raises(RunError):
        choose(bad, pipe)


def test_what_cannot_be_shown_is_named(choose, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.png").write_bytes(b"text")
    (tmp_path / "good.png").write_bytes(png(noise(0, 64, 64)))
    for paths, classes, named in (
        (["empty"], (), "--images"),
        (["bad.png"], (), "bad.png"),
        (["good.png"], ("star", "star"), "--classes"),
        (["good.png"], ("lion",), "lion"),
        ([], ("star",), "--images"),
    ):
        with pytest.raises(UsageError, match=named):
            choose(*(tmp_path / path for path in paths), classes=classes)
    with pytest.raises(FileNotFoundError):
        choose(tmp_path / "none")
