"""Downloads from a loopback server that cuts, refuses and lies."""

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
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(downloading.time, "sleep", lambda seconds: None)


def get(server, folder, kind="sha256"):
    file = server.published("set.zip", CONTENT, kind)
    return download(Published("a set", "CC0", (file,)), folder)


def ranges(server):
    return [wanted for _, wanted in server.requests]


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_download_is_complete_and_leaves_nothing_else(server, folder, kind):
    assert get(server, folder, kind) == [folder / "set.zip"]
    assert (folder / "set.zip").read_bytes() == CONTENT
    assert os.listdir(folder) == ["set.zip"]
    assert ranges(server) == [None]


def test_what_is_there_is_not_downloaded_again(server, folder):
    get(server, folder)
    get(server, folder)
    assert len(server.requests) == 1


def test_a_part_of_an_earlier_download_is_continued(server, folder):
    folder.mkdir()
    (folder / "set.zip.part").write_bytes(CONTENT[:1_000_000])
    get(server, folder)
    assert (folder / "set.zip").read_bytes() == CONTENT
    assert os.listdir(folder) == ["set.zip"]
    assert ranges(server) == ["bytes=1000000-"]


def test_a_connection_that_drops_is_continued_at_once(server, folder):
    server.cuts = [20 * CHUNK, 10 * CHUNK]
    get(server, folder)
    assert (folder / "set.zip").read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={20 * CHUNK}-", f"bytes={30 * CHUNK}-"]


def test_a_connection_that_always_drops_ends_in_one_line_and_keeps_the_part(
    server, folder
):
    server.cuts = [8 * CHUNK, *[0] * 20]
    with pytest.raises(RunError, match=r"set\.zip could not be downloaded") as caught:
        get(server, folder)
    assert "\n" not in str(caught.value)
    assert (folder / "set.zip.part").read_bytes() == CONTENT[: 8 * CHUNK]
    server.cuts = []
    get(server, folder)
    assert (folder / "set.zip").read_bytes() == CONTENT
    assert ranges(server)[-1] == f"bytes={8 * CHUNK}-"


def test_a_server_without_ranges_sends_the_file_from_its_beginning(server, folder):
    server.knows_ranges = False
    server.cuts = [8 * CHUNK]
    get(server, folder)
    assert (folder / "set.zip").read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={8 * CHUNK}-"]


def test_a_server_without_ranges_that_always_cuts_does_not_go_on_for_ever(
    server, folder
):
    server.knows_ranges = False
    server.cuts = [1_000_000] * 50
    with pytest.raises(RunError, match="could not be downloaded"):
        get(server, folder)
    assert len(server.requests) < 10


def test_a_busy_server_is_asked_again(server, folder, monkeypatch):
    server.status = 503
    waits = []

    def wait(seconds):
        waits.append(seconds)
        server.status = None

    monkeypatch.setattr(downloading.time, "sleep", wait)
    get(server, folder)
    assert (folder / "set.zip").read_bytes() == CONTENT
    assert waits[0] == 1


def test_a_missing_file_is_one_line_at_once(server, folder):
    (folder.parent / "served" / "set.zip").unlink()
    with pytest.raises(RunError, match=r"/set\.zip .* 404 "):
        get(server, folder)
    assert len(server.requests) == 1


def test_no_server_is_one_line(folder):
    file = PublishedFile("set.zip", "http://127.0.0.1:9/set.zip", 3, "md5:0")
    with pytest.raises(RunError, match=r"127\.0\.0\.1:9/set\.zip could not be"):
        download(Published("a set", "CC0", (file,)), folder)


@pytest.mark.parametrize("present", [0, 1_000_000])
@pytest.mark.parametrize("size", [2_000_000, 4_000_000])
def test_a_file_of_another_size_is_refused_before_its_content(
    server, folder, size, present
):
    (folder.parent / "served" / "set.zip").write_bytes(bytes(size))
    folder.mkdir()
    (folder / "set.zip.part").write_bytes(CONTENT[:present])
    with pytest.raises(RunError, match=f"3,000,000 bytes. Received: {size} bytes"):
        get(server, folder)
    assert (folder / "set.zip.part").read_bytes() == CONTENT[:present]


def test_a_part_longer_than_what_the_server_has_is_refused(server, folder):
    (folder.parent / "served" / "set.zip").write_bytes(bytes(1_000_000))
    folder.mkdir()
    (folder / "set.zip.part").write_bytes(CONTENT[:2_000_000])
    with pytest.raises(RunError, match="Received: 1000000 bytes"):
        get(server, folder)
    assert ranges(server) == ["bytes=2000000-", None]  # 416, then from the beginning


def test_a_wrong_checksum_removes_the_file_and_says_so(server, folder):
    (folder.parent / "served" / "set.zip").write_bytes(CONTENT[::-1])
    with pytest.raises(RunError, match=r"must have the checksum sha256:") as caught:
        get(server, folder)
    assert "\n" not in str(caught.value)
    assert os.listdir(folder) == []


def test_a_damaged_part_is_found_by_the_checksum_and_the_next_run_succeeds(
    server, folder
):
    folder.mkdir()
    (folder / "set.zip.part").write_bytes(bytes(1_000_000))
    with pytest.raises(RunError, match="must have the checksum"):
        get(server, folder)
    get(server, folder)
    assert (folder / "set.zip").read_bytes() == CONTENT
    assert ranges(server) == ["bytes=1000000-", None]


def test_a_part_that_is_too_long_starts_over(server, folder):
    folder.mkdir()
    (folder / "set.zip.part").write_bytes(CONTENT + b"more")
    get(server, folder)
    assert (folder / "set.zip").read_bytes() == CONTENT


def test_a_part_that_is_complete_needs_no_server(server, folder):
    folder.mkdir()
    (folder / "set.zip.part").write_bytes(CONTENT)
    get(server, folder)
    assert (folder / "set.zip").read_bytes() == CONTENT
    assert server.requests == []


def test_another_file_of_that_name_is_left_alone(server, folder):
    folder.mkdir()
    (folder / "set.zip").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"set\.zip must be the published file"):
        get(server, folder)
    assert (folder / "set.zip").read_bytes() == b"mine"


def test_a_disk_without_room_is_known_before_the_first_request(server, folder):
    size = shutil.disk_usage(folder.parent).total + 1
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
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no mounting here")
    try:
        with pytest.raises(OSError, match="No space left on device"):
            get(server, folder)
        assert 1_000_000 < (folder / "set.zip.part").stat().st_size <= 2 << 20
        subprocess.run(["mount", "-o", "remount,size=8m", str(folder)], check=True)
        get(server, folder)
        assert (folder / "set.zip").read_bytes() == CONTENT
        assert ranges(server)[0] is None and ranges(server)[-1].startswith("bytes=")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_an_interrupted_download_keeps_its_part(server, folder, monkeypatch):
    def interrupt(self, size):
        yield CONTENT[:1000]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(downloading.requests.Response, "iter_content", interrupt)
        with pytest.raises(KeyboardInterrupt):
            get(server, folder)
    assert (folder / "set.zip.part").read_bytes() == CONTENT[:1000]
    get(server, folder)
    assert ranges(server) == [None, "bytes=1000-"]


def test_two_processes_do_not_write_one_part(server, folder):
    fcntl = pytest.importorskip("fcntl")
    folder.mkdir()
    with open(folder / "set.zip.part", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(RunError, match="another process is downloading"):
            get(server, folder)


def test_a_set_of_several_files_is_downloaded_file_by_file(server, folder):
    (folder.parent / "served" / "b.zip").write_bytes(b"second")
    files = (server.published("set.zip", CONTENT), server.published("b.zip", b"second"))
    paths = download(Published("a set", "CC0", files), folder)
    assert paths == [folder / "set.zip", folder / "b.zip"]
    assert [path.read_bytes() for path in paths] == [CONTENT, b"second"]
