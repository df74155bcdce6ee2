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
PATHS = [
    name
    for name, reader in READERS.items()
    if isinstance(reader, str) and name not in ("shapes", "photographs")
]


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


@pytest.mark.parametrize("prefix", PATHS)
def test_a_kind_without_a_path_is_an_error(prefix):
    bare = [] if prefix in DATA_SETS else [prefix]
    for spec in (f"{prefix}:", *bare):
        with pytest.raises(UsageError, match=f"--data {prefix}: needs a path or name"):
            open_source(spec)


@pytest.mark.parametrize("prefix", [name for name in PATHS if name != "tfds"])
def test_a_path_that_is_not_there_is_named(tmp_path, prefix):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist; expected"):
        open_source(f"{prefix}:{tmp_path}/nowhere")


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


def test_a_split_is_had_by_its_name():
    assert SOURCE.split("validation") is SOURCE.splits["validation"]
    with pytest.raises(UsageError, match=r"\['train', 'validation'\].*'test'"):
        SOURCE.split("test")


@pytest.mark.parametrize(
    ("splits", "asked", "usual", "chosen"),
    [
        (("train", "validation"), None, "validation", "validation"),
        (("train", "validation"), None, "train", "train"),
        (("train", "validation"), "train", "validation", "train"),
        (("train",), None, "validation", "train"),
        (("train",), "nowhere", "validation", "nowhere"),  # `split` refuses it
    ],
)
def test_the_usual_split_is_taken_or_the_only_one(splits, asked, usual, chosen, caplog):
    caplog.set_level(logging.INFO)
    source = Source("pretend:1", ("a", "b"), dict.fromkeys(splits, None))
    assert source.split_name(asked, usual) == chosen
    assert len(caplog.messages) == (asked is None and chosen != usual)


def test_where_there_is_a_choice_and_not_the_usual_split_one_must_be_named():
    source = Source("tfds:x", ("a", "b"), dict.fromkeys(("train", "test"), None))
    with pytest.raises(UsageError, match=r"\['test', 'train'\]"):
        source.split_name(None)


def test_first_classes_cuts_names_and_every_split_alike():
    kept = SOURCE.first_classes(2)
    assert kept.class_names == ("ape", "bee") and kept.spec == "pretend:1"
    found = {name: contents(split) for name, split in kept.splits.items()}
    assert [row[1:] for row in found["train"]] == [(0, b"a"), (1, b"c"), (0, b"d")]
    assert [row[1:] for row in found["validation"]] == [(1, b"f")]
    assert np.array_equal(SOURCE.split("train").labels, [0, 2, 1, 0])
    for number in (0, 1, 4):
        with pytest.raises(UsageError, match=f"from 2 to 3 .*{number}"):
            SOURCE.first_classes(number)
