import logging

import pytest

from tests.helpers.trees import jpeg, write_tree, write_zip
from zfkeras.data.published.finding import find_data, model_path, search
from zfkeras.data.published.sets import DATA_SETS
from zfkeras.data.register import open_source
from zfkeras.errors import UsageError

CALTECH = {f"{name}/image_0001.jpg": jpeg(1) for name in ("accordion", "anchor")}


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """The three places, all empty: $ZFKERAS_DATA, the cache, the TFDS folder."""
    data, cache, tfds = (tmp_path / name for name in ("data", "cache", "tfds"))
    monkeypatch.setenv("ZFKERAS_DATA", str(data))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds))
    return data, cache / "zfkeras" / "data", tfds


@pytest.mark.parametrize(
    ("name", "present", "found"),
    [
        ("caltech101", ["caltech-101.zip"], "caltech-101.zip"),
        ("caltech101", ["101_ObjectCategories.tar.gz"], "101_ObjectCategories.tar.gz"),
        ("caltech101", ["101_ObjectCategories/x"], "101_ObjectCategories"),
        ("caltech101", ["caltech-101/x"], "caltech-101"),
        ("caltech256", ["256_ObjectCategories.tar"], "256_ObjectCategories.tar"),
        ("caltech256", ["caltech-256-ten.zip"], "caltech-256-ten.zip"),
        ("voc2007", ["VOCdevkit/VOC2007/x"], "VOCdevkit/VOC2007"),
        ("voc2007", ["VOCtrainval_06-Nov-2007.tar"], "."),  # and others beside it
        ("voc2012", ["VOCtrainval_11-May-2012.tar"], "VOCtrainval_11-May-2012.tar"),
        ("voc2012", ["voc2012-subset.zip"], "voc2012-subset.zip"),
        # The whole set goes before a part of it.
        (
            "tiny-imagenet",
            ["tiny-imagenet-200-subset.zip", "tiny-imagenet-200.zip"],
            "tiny-imagenet-200.zip",
        ),
        ("imagenette", ["imagenette2-320.tgz"], "imagenette2-320.tgz"),
    ],
)
def test_a_set_is_found_by_its_published_names(places, name, present, found, caplog):
    caplog.set_level(logging.INFO)
    write_tree(places[0], dict.fromkeys(present, b""))
    path = places[0] / found
    assert find_data(name) == f"{DATA_SETS[name].prefix}:{path}"
    assert str(path) in caplog.text


def test_the_variable_goes_before_the_cache_and_the_cache_before_tfds(places):
    write_tree(places[2], {"caltech101/3.0.2/dataset_info.json": "{}"})
    for place in (places[1], places[0]):
        write_tree(place, {"caltech-101.zip": b""})
        assert find_data("caltech101") == f"caltech101:{place}/caltech-101.zip"


def test_the_first_that_is_there_is_taken_and_half_of_one_is_not(places):
    write_tree(places[1], {"caltech-101.zip.part": b"", "voc2012.zip.part": b""})
    # TFDS makes it as it begins to download.
    write_tree(places[2], {"caltech101/3.0.2.incomplete/x": b""})
    assert search(["caltech101", "voc2012"]) is None
    write_tree(places[0], {"voc2007-subset.zip": b""})
    expected = f"voc2007:{places[0]}/voc2007-subset.zip"
    assert search(["voc2012", "voc2007"]) == expected


@pytest.mark.parametrize("is_set", [True, False])
def test_what_is_nowhere_is_one_line_with_the_places_and_the_download(
    places, is_set, monkeypatch
):
    if not is_set:
        monkeypatch.delenv("ZFKERAS_DATA")
    with pytest.raises(UsageError) as caught:
        find_data("caltech101")
    message = str(caught.value)
    for place in (places[0] if is_set else "$ZFKERAS_DATA (not set)", *places[1:]):
        assert str(place) in message
    assert "python -m zfkeras.download caltech101 (137 MB)" in message
    assert len(message.splitlines()) == 1


def test_a_bare_name_opens_what_is_found(places):
    places[0].mkdir()
    write_zip(places[0] / "caltech-101.zip", CALTECH)
    source = open_source("caltech101")
    assert source.class_names == ("accordion", "anchor")
    assert source.spec == f"caltech101:{places[0]}/caltech-101.zip"


def test_downloaded_networks_lie_in_the_cache(places):
    assert model_path("zfnet512") == places[1].parent / "models" / "zfnet512.keras"
