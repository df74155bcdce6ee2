import dataclasses

import pytest

from tests.helpers.file_server import serving
from zfkeras.data.published.sets import DATA_SETS
from zfkeras.download import main

CONTENT = b"an archive"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for variable in ("ZFKERAS_DATA", "XDG_CACHE_HOME", "TFDS_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    return tmp_path / "XDG_CACHE_HOME" / "zfkeras"


@pytest.fixture
def server(tmp_path):
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as server:
        yield server


@pytest.fixture
def small_set(server, tmp_path, monkeypatch):
    (tmp_path / "served" / "caltech-101.zip").write_bytes(CONTENT)
    file = server.published("caltech-101.zip", CONTENT)
    entry = dataclasses.replace(DATA_SETS["caltech101"], files=(file,))
    monkeypatch.setitem(DATA_SETS, "caltech101", entry)


def errors(err):
    assert "Traceback" not in err
    return [line for line in err.splitlines() if ": error: " in line]


def test_size_and_licence_are_printed_before_the_download(
    cache, small_set, server, tmp_path, capsys
):
    assert main(["caltech101"]) == 0
    path = cache / "data" / "caltech-101.zip"
    assert path.read_bytes() == CONTENT
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("caltech101: Caltech-101") and "CC BY 4.0" in first
    assert "0 MB" in first and str(path) in last
    # Into another folder, and named twice.
    assert main(["caltech101", "caltech101", "--to", str(tmp_path / "disk")]) == 0
    assert (tmp_path / "disk" / "caltech-101.zip").read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_wrong_checksum_is_one_line_and_code_1(cache, small_set, tmp_path, capsys):
    (tmp_path / "served" / "caltech-101.zip").write_bytes(CONTENT[::-1])
    assert main(["caltech101"]) == 1
    (line,) = errors(capsys.readouterr().err)
    assert "caltech-101.zip must have the checksum sha256:" in line
    assert [*(cache / "data").iterdir()] == []
