import re
from pathlib import Path

import pytest

from zfkeras.data.published.sets import DATA_SETS, NETWORKS
from zfkeras.data.register import READERS

ENTRIES = DATA_SETS | NETWORKS


@pytest.mark.parametrize("name", ENTRIES)
def test_every_file_has_an_address_a_size_and_a_checksum(name):
    for file in ENTRIES[name].files:
        assert re.fullmatch(r"https?://\S+", file.url)
        assert file.name in file.url
        assert file.size > 10_000_000
        assert re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", file.checksum)
    if name in DATA_SETS:
        assert ENTRIES[name].prefix in READERS
        assert ENTRIES[name].files[0].name in ENTRIES[name].places


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
