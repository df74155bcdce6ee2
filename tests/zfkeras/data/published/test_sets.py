import re
from pathlib import Path

import pytest

from zfkeras.data.published.sets import DATA_SETS, NETWORKS, in_megabytes
from zfkeras.data.register import READERS

ENTRIES = DATA_SETS | NETWORKS


@pytest.mark.parametrize("name", ENTRIES)
def test_every_file_has_an_address_a_size_and_a_checksum(name):
    for file in ENTRIES[name].files:
        assert re.fullmatch(r"https?://\S+", file.url)
        assert file.name in file.url
        assert file.size > 10_000_000
        assert re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", file.checksum)


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_data_set_has_a_reader_and_its_published_file_among_its_places(name):
    published = DATA_SETS[name]
    assert published.prefix in READERS
    assert published.files[0].name in published.places
    assert published.title and published.licence


def test_no_two_files_have_one_name():
    names = [file.name for entry in ENTRIES.values() for file in entry.files]
    assert len(names) == len({*names})


def test_checksums_are_those_that_tensorflow_datasets_publishes():
    # It keeps size and SHA-256 of what it downloads, from these hosts or mirrors.
    import tensorflow_datasets as tfds

    known = {}
    folder = Path(tfds.__file__).parent
    for path in [*folder.rglob("checksums.tsv"), *folder.glob("url_checksums/*.txt")]:
        rows = re.findall(r"(\d+)\s+([0-9a-f]{64})", path.read_text())
        known |= {digest: int(size) for size, digest in rows}
    for name in ("caltech101", "voc2007", "voc2012", "imagenette"):
        for file in DATA_SETS[name].files:
            assert known[file.checksum.removeprefix("sha256:")] == file.size


def test_sizes_are_written_in_megabytes():
    assert in_megabytes(137_414_764) == "137 MB"
    assert in_megabytes(1_999_639_040) == "2,000 MB"
