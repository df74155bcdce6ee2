import logging

import numpy as np
import pytest

from tests.helpers.splits import split_of
from tests.helpers.trees import contents, jpeg, write_tree
from zfkeras.data.published.sets import DATA_SETS
from zfkeras.data.register import READERS, Source, open_source
from zfkeras.errors import UsageError

SOURCE = Source(
    "pretend:1",
    ("ape", "bee", "cat"),
    {
        "train": split_of([b"a", b"b", b"c", b"d"], [0, 2, 1, 0]),
        "validation": split_of([b"e", b"f"], [2, 1]),
    },
)
# Kinds that need a path or a name behind the colon.
PATHS = ("folder", "tfds", "tiny-imagenet", "caltech101", "caltech256", "voc2007")


def test_a_spec_goes_to_the_reader_of_its_prefix(tmp_path):
    tree = write_tree(tmp_path / "a:b", {"x/1.jpg": jpeg(1), "y/2.jpg": jpeg(2)})
    assert open_source(f"folder:{tree}").class_names == ("x", "y")
    assert open_source("shapes").spec == "shapes"
    assert len(open_source("shapes:32").class_names) == 12


@pytest.mark.parametrize(
    "spec", ["", "shape", "Folder:x", "imagenet2012", "/data/images", ":x", "a\nb:c"]
)
def test_an_unknown_kind_of_source_lists_the_kinds(spec):
    with pytest.raises(UsageError) as caught:
        open_source(spec)
    message = str(caught.value)
    assert all(name in message for name in [*READERS, *DATA_SETS, repr(spec)])
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("spec", [*(f"{name}:" for name in PATHS), "folder", "tfds"])
def test_a_kind_without_a_path_is_an_error(spec):
    prefix = spec.removesuffix(":")
    with pytest.raises(UsageError, match=f"--data {prefix}: needs a path or name"):
        open_source(spec)


@pytest.mark.parametrize("name", DATA_SETS)
def test_the_bare_name_of_a_published_set_is_looked_for(name, tmp_path, monkeypatch):
    for variable in ("ZFKERAS_DATA", "XDG_CACHE_HOME", "TFDS_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(UsageError, match=rf"{name} must be in {tmp_path}"):
        open_source(name)
    published = DATA_SETS[name]
    (tmp_path / published.places[0]).mkdir()
    with pytest.raises(UsageError, match=published.places[0]):  # found, and empty
        open_source(name)


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        open_source(f"folder:{tmp_path}/nowhere")


def test_a_split_is_had_by_its_name():
    assert SOURCE.split("validation") is SOURCE.splits["validation"]


def test_an_unknown_split_lists_those_there_are():
    with pytest.raises(UsageError) as caught:
        SOURCE.split("test")
    assert str(caught.value) == (
        "split must be one of ['train', 'validation'] for --data pretend:1. "
        "Received: split='test'."
    )


@pytest.mark.parametrize(
    ("splits", "asked", "usual", "chosen"),
    [
        (("train", "validation"), None, "validation", "validation"),
        (("train", "validation"), None, "train", "train"),
        (("train", "validation"), "train", "validation", "train"),
        (("train",), None, "validation", "train"),
        (("test",), None, "train", "test"),
        (("train",), "nowhere", "validation", "nowhere"),  # `split` refuses it
    ],
)
def test_the_usual_split_is_taken_or_the_only_one(splits, asked, usual, chosen, caplog):
    caplog.set_level(logging.INFO)
    source = Source("pretend:1", ("a", "b"), dict.fromkeys(splits, None))
    assert source.split_name(asked, usual) == chosen
    is_said = asked is None and chosen != usual
    line = f"--data pretend:1 has no {usual} split; taking its only one, {chosen}"
    assert caplog.messages == ([line] if is_said else [])


def test_where_there_is_a_choice_and_not_the_usual_split_one_must_be_named():
    source = Source("tfds:x", ("a", "b"), dict.fromkeys(("train", "test"), None))
    with pytest.raises(
        UsageError, match=r"--split must name one of \['test', 'train'\]"
    ):
        source.split_name(None)


def test_first_classes_cuts_names_and_every_split_alike():
    kept = SOURCE.first_classes(2)
    assert kept.class_names == ("ape", "bee")
    assert [e[1:] for e in contents(kept.split("train"))] == [
        (0, b"a"),
        (1, b"c"),
        (0, b"d"),
    ]
    assert [e[1:] for e in contents(kept.split("validation"))] == [(1, b"f")]
    assert kept.spec == "pretend:1"
    assert SOURCE.class_names == ("ape", "bee", "cat")
    assert np.array_equal(SOURCE.split("train").labels, [0, 2, 1, 0])


@pytest.mark.parametrize("number", [-1, 0, 1, 4])
def test_first_classes_of_an_impossible_number_is_an_error(number):
    with pytest.raises(UsageError, match=rf"from 2 to 3 .* Received: {number}\."):
        SOURCE.first_classes(number)
