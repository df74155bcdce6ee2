import logging

import pytest

from tests.helpers.trees import jpeg, write_zip
from zfkeras.data.published.finding import find_data, model_path, search
from zfkeras.data.published.sets import DATA_SETS
from zfkeras.data.register import open_source
from zfkeras.errors import UsageError

CALTECH = {f"{name}/image_0001.jpg": jpeg(1) for name in ("accordion", "anchor")}


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """The three places, all empty: $ZFKERAS_DATA, the cache, the TFDS folder."""
    data, cache, tfds = (tmp_path / name for name in ("data", "cache", "tfds"))
    data.mkdir()
    monkeypatch.setenv("ZFKERAS_DATA", str(data))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds))
    return data, cache / "zfkeras" / "data", tfds


def put(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"")
    return folder / name


@pytest.mark.parametrize(
    ("name", "file", "prefix"),
    [
        ("caltech101", "caltech-101.zip", "caltech101"),
        ("caltech101", "101_ObjectCategories.tar.gz", "caltech101"),
        ("caltech256", "256_ObjectCategories.tar", "caltech256"),
        ("caltech256", "caltech-256-ten-categories.zip", "caltech256"),
        ("voc2012", "VOCtrainval_11-May-2012.tar", "voc2012"),
        ("voc2012", "voc2012-subset.zip", "voc2012"),
        ("tiny-imagenet", "tiny-imagenet-200.zip", "tiny-imagenet"),
        ("tiny-imagenet", "tiny-imagenet-200-subset.zip", "tiny-imagenet"),
        ("imagenette", "imagenette2-320.tgz", "folder"),
    ],
)
def test_an_archive_is_found_by_its_published_name(places, name, file, prefix, caplog):
    caplog.set_level(logging.INFO)
    path = put(places[0], file)
    assert find_data(name) == f"{prefix}:{path}"
    assert str(path) in caplog.text


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("caltech101", "101_ObjectCategories"),
        ("caltech101", "caltech-101"),
        ("voc2007", "VOCdevkit/VOC2007"),
        ("voc2012", "VOC2012"),
        ("tiny-imagenet", "tiny-imagenet-200"),
        ("imagenette", "imagenette2-320"),
    ],
)
def test_an_unpacked_folder_is_found(places, name, below):
    (places[0] / below).mkdir(parents=True)
    assert find_data(name) == f"{DATA_SETS[name].prefix}:{places[0] / below}"


def test_a_set_in_two_archives_is_found_by_their_folder(places):
    put(places[0], "VOCtrainval_06-Nov-2007.tar")
    assert find_data("voc2007") == f"voc2007:{places[0]}"


def test_the_whole_set_goes_before_a_part_of_it(places):
    put(places[0], "tiny-imagenet-200-subset.zip")
    whole = put(places[0], "tiny-imagenet-200.zip")
    assert find_data("tiny-imagenet") == f"tiny-imagenet:{whole}"


def test_the_variable_goes_before_the_cache_and_the_cache_before_tfds(places):
    info = places[2] / "caltech101" / "3.0.2" / "dataset_info.json"
    info.parent.mkdir(parents=True)
    info.write_text("{}")
    cached = put(places[1], "caltech-101.zip")
    assert find_data("caltech101") == f"caltech101:{cached}"
    own = put(places[0], "caltech-101.zip")
    assert find_data("caltech101") == f"caltech101:{own}"


def test_a_half_download_is_not_found(places):
    put(places[1], "caltech-101.zip.part")
    put(places[1], "tiny-imagenet-200.zip.part")
    assert search(["caltech101", "tiny-imagenet"]) is None


def test_the_first_that_is_there_is_taken(places):
    path = put(places[0], "voc2007-subset.zip")
    assert search(["voc2012", "voc2007"]) == f"voc2007:{path}"


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


def test_a_folder_of_tfds_that_is_not_prepared_is_not_found(places):
    # TFDS makes it as it begins to download.
    (places[2] / "caltech101" / "3.0.2.incomplete").mkdir(parents=True)
    assert search(["caltech101"]) is None


def test_a_bare_name_opens_what_is_found(places):
    write_zip(places[0] / "caltech-101.zip", CALTECH)
    source = open_source("caltech101")
    assert source.class_names == ("accordion", "anchor")
    assert source.spec == f"caltech101:{places[0]}/caltech-101.zip"


def test_downloaded_networks_lie_in_the_cache(places):
    assert model_path("zfnet512") == places[1].parent / "models" / "zfnet512.keras"
