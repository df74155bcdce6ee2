"""Downloads from a loopback server that cuts, refuses and lies."""

import fcntl
import os
import shutil
import subprocess
import types

import numpy as np
import pytest

from tests.helpers.file_server import serving
from zfkeras.data.published import downloading
from zfkeras.data.published.downloading import download
from zfkeras.data.published.sets import Published, PublishedFile
from zfkeras.errors import RunError, UsageError

CONTENT = np.random.default_rng(0).bytes(3_000_000)
CHUNK = 1 << 16  # of which whole ones arrive before a connection drops


@pytest.fixture
def server(tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "set.zip").write_bytes(CONTENT)
    with serving(tmp_path / "served") as server:
        yield server


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The seconds that it would have waited."""
    waits = []
    monkeypatch.setattr(downloading.time, "sleep", waits.append)
    return waits


def get(server, folder, kind="sha256"):
    file = server.published("set.zip", CONTENT, kind)
    return download(Published("a set", "CC0", (file,)), folder)


def assert_whole(server, folder, *ranges):
    """The file alone is there, and these ranges were asked for."""
    assert (folder / "set.zip").read_bytes() == CONTENT
    assert os.listdir(folder) == ["set.zip"]
    assert [wanted for _, wanted in server.requests] == [*ranges]


def part(folder, content):
    (folder / "set.zip.part").write_bytes(content)


def left(folder):
    return (folder / "set.zip.part").read_bytes()


def refused(server, folder, match, error=RunError):
    with pytest.raises(error, match=match) as caught:
        get(server, folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_download_is_complete_and_is_not_made_again(server, folder, kind):
    for _ in range(2):
        assert get(server, folder, kind) == [folder / "set.zip"]
    assert_whole(server, folder, None)


@pytest.mark.parametrize(
    ("present", "ranges"),
    [
        (CONTENT[:1_000_000], ["bytes=1000000-"]),
        (CONTENT + b"more", [None]),  # starts over
        (CONTENT, []),
    ],
)
def test_a_part_of_an_earlier_download_is_continued(server, folder, present, ranges):
    part(folder, present)
    get(server, folder)
    assert_whole(server, folder, *ranges)


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_connection_that_drops_is_continued_at_once(server, folder, knows_ranges):
    server.knows_ranges = knows_ranges
    server.cuts = [20 * CHUNK, 10 * CHUNK][: 1 + knows_ranges]
    get(server, folder)
    places = (20, 30) if knows_ranges else (20,)
    assert_whole(server, folder, None, *(f"bytes={n * CHUNK}-" for n in places))


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_connection_that_always_drops_ends_in_one_line_and_keeps_the_part(
    server, folder, knows_ranges
):
    server.knows_ranges = knows_ranges
    server.cuts = [8 * CHUNK, *([0] if knows_ranges else [8 * CHUNK]) * 20]
    refused(server, folder, r"set\.zip could not be downloaded")
    assert len(server.requests) < 10
    assert left(folder) == CONTENT[: 8 * CHUNK]
    server.cuts, server.requests, server.knows_ranges = [], [], True
    get(server, folder)
    assert_whole(server, folder, f"bytes={8 * CHUNK}-")


def test_a_busy_server_is_asked_again(server, folder, waits, monkeypatch):
    server.status = 503

    def wait(seconds):
        waits.append(seconds)
        server.status = None

    monkeypatch.setattr(downloading.time, "sleep", wait)
    get(server, folder)
    assert_whole(server, folder, None, None)
    assert waits[0] == 1


def test_no_server_or_no_such_file_is_one_line(server, folder):
    file = PublishedFile("set.zip", "http://127.0.0.1:9/set.zip", 3, "md5:0")
    with pytest.raises(RunError, match=r"127\.0\.0\.1:9/set\.zip"):
        download(Published("a set", "CC0", (file,)), folder)
    (folder.parent / "served" / "set.zip").unlink()
    refused(server, folder, r"/set\.zip .* 404 ")
    assert len(server.requests) == 1


@pytest.mark.parametrize("present", [0, 1_000_000, 2_500_000])
@pytest.mark.parametrize("size", [2_000_000, 4_000_000])
def test_a_file_of_another_size_is_refused_before_its_content(
    server, folder, size, present
):
    (folder.parent / "served" / "set.zip").write_bytes(bytes(size))
    part(folder, CONTENT[:present])
    refused(server, folder, f"Received: {size} bytes")
    if present < size:
        assert left(folder) == CONTENT[:present]


def test_a_wrong_checksum_removes_the_file_and_the_next_run_succeeds(server, folder):
    part(folder, bytes(1_000_000))
    refused(server, folder, "checksum sha256:")
    assert os.listdir(folder) == []
    get(server, folder)
    assert_whole(server, folder, "bytes=1000000-", None)


def test_what_is_in_the_way_is_left_alone(server, folder):
    (folder / "set.zip").write_bytes(b"mine")
    refused(server, folder, r"set\.zip must be the published file", UsageError)
    assert (folder / "set.zip").read_bytes() == b"mine"
    (folder / "set.zip").unlink()
    with open(folder / "set.zip.part", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        refused(server, folder, "another process")


def test_a_disk_without_room_is_known_before_the_first_request(server, folder):
    size = shutil.disk_usage(folder).total + 1
    file = PublishedFile("set.zip", server.url("set.zip"), size, "md5:0")
    with pytest.raises(RunError, match=r"no space left for .*set\.zip"):
        download(Published("a set", "CC0", (file,)), folder)
    assert server.requests == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_really_full_keeps_the_part_and_is_continued(
    server, folder, monkeypatch
):
    # The room is measured before others fill the disk.
    plenty = types.SimpleNamespace(free=10**10)
    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda folder: plenty)
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no mounting here")
    try:
        with pytest.raises(OSError, match="No space left on device"):
            get(server, folder)
        present = len(left(folder))
        assert 1_000_000 < present <= 2 << 20
        subprocess.run(["mount", "-o", "remount,size=8m", str(folder)], check=True)
        get(server, folder)
        assert_whole(server, folder, None, f"bytes={present}-")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_set_of_several_files_is_downloaded_file_by_file(server, folder):
    (folder.parent / "served" / "b.zip").write_bytes(b"second")
    files = (server.published("set.zip", CONTENT), server.published("b.zip", b"second"))
    paths = download(Published("a set", "CC0", files), folder)
    assert paths == [folder / "set.zip", folder / "b.zip"]
    assert [path.read_bytes() for path in paths] == [CONTENT, b"second"]
