import errno
import os
import signal
import stat
import subprocess
import sys
import threading

import pytest

from zfkeras.io.files import (
    crc32,
    is_disk_full,
    raise_system_errors,
    read_json,
    read_json_again,
    remove_leftovers,
    write_json,
    written_whole,
)


class Stopped(Exception):
    pass


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def umask():
    """Sets the umask for a test and puts the old one back."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def test_the_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "a" / "b.bin"
    with written_whole(path) as file:
        file.write(b"whole")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert names(path.parent) == ["b.bin"]


@pytest.mark.parametrize("stop", [Stopped, KeyboardInterrupt, SystemExit])
def test_a_failing_block_leaves_the_old_file_and_no_litter(tmp_path, stop):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(stop), written_whole(path) as file:
        file.write(b"half")
        raise stop
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_others_may_read_it_as_the_umask_says(tmp_path, umask, mask, mode):
    # mkstemp alone would make every file private.
    umask(mask)
    with written_whole(tmp_path / "a.bin"):
        pass
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == mode
    assert os.umask(mask) == mask


def test_two_writers_do_not_mix(tmp_path):
    path = tmp_path / "a.txt"

    def write(letter):
        for _ in range(20):
            with written_whole(path, "w") as file:
                for _ in range(50):
                    file.write(letter * 100)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in ("a" * 5000, "b" * 5000)
    assert names(tmp_path) == ["a.txt"]


def test_json_round_trips_and_reads_well(tmp_path):
    value = {"größe": [1, 2.5, None, True], "text": 'a "b" \\ \n'}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text.startswith('{\n  "größe": [\n')
    assert text.endswith("}\n")


def test_json_of_a_path_that_is_not_utf8_round_trips(tmp_path):
    # Previously an evaluation of such a path ended in a UnicodeEncodeError.
    value = {"model": os.fsdecode(b"caf\xe9.keras")}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value


def test_a_value_json_does_not_know_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"new": {1, 2}})
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert names(tmp_path) == ["a.json"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_really_full(tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no mounting here")
    try:
        path = tmp_path / "a.bin"
        path.write_bytes(b"old")
        with pytest.raises(OSError) as refused, written_whole(path) as file:
            file.write(bytes(1 << 20))
        assert is_disk_full(refused.value)
        assert path.read_bytes() == b"old" and names(tmp_path) == ["a.bin"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def killed_while_writing(path):
    """Leaves what a process leaves that is killed while it writes a file."""
    script = (
        "import os, pathlib, sys; from zfkeras.io.files import written_whole\n"
        "with written_whole(pathlib.Path(sys.argv[1])) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)])
    assert done.returncode == -signal.SIGKILL


def test_what_a_killed_process_left_goes_when_the_file_is_written_again(tmp_path):
    path, other = tmp_path / "a.bin", tmp_path / "b.bin"
    killed_while_writing(path)
    killed_while_writing(other)
    assert len(names(tmp_path)) == 2 and not path.exists()
    with written_whole(path) as file:
        file.write(b"whole")
    aside, *rest = names(tmp_path)
    assert rest == ["a.bin"] and aside.endswith(".b.bin")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ["a.bin"]


def test_what_a_living_process_writes_stays(tmp_path):
    with written_whole(tmp_path / "a.bin") as first:
        first.write(b"first")
        remove_leftovers(tmp_path)
        with written_whole(tmp_path / "a.bin") as second:
            second.write(b"second")
    assert (tmp_path / "a.bin").read_bytes() == b"first"
    assert names(tmp_path) == ["a.bin"]


def test_files_that_only_look_like_leftovers_stay(tmp_path):
    for name in (".bashrc", ".0123abcd", ".0123abc.a.bin", "0123abcd.a.bin"):
        (tmp_path / name).write_bytes(b"precious")
    remove_leftovers(tmp_path)
    assert len(names(tmp_path)) == 4


def test_a_damaged_record_is_named_with_what_is_done(tmp_path, caplog):
    path = tmp_path / "a.json"
    assert read_json_again(path, "starting over") is None
    assert not caplog.text
    path.write_text('{"accuracy": 0.')
    assert read_json_again(path, "starting over") is None
    assert str(path) in caplog.text and "starting over" in caplog.text


def test_the_checksum_of_earlier_versions_is_left_out(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": 1, "checksum": "crc32:00000000"}')
    assert read_json(path) == {"a": 1}


def test_the_checksum_of_a_beginning(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"123456789 and more")
    assert crc32(tmp_path / "a.bin", 9) == 0xCBF43926  # the algorithm's check value
    with pytest.raises(ValueError, match="cut short"):
        crc32(tmp_path / "a.bin", 100)


@pytest.mark.parametrize(
    "err",
    [PermissionError(errno.EACCES, "no"), OSError(errno.EIO, "disk"), MemoryError()],
)
def test_what_the_system_refuses_is_raised_again(err):
    with pytest.raises(type(err)):
        raise_system_errors(err)


@pytest.mark.parametrize(
    "err", [ValueError(), OSError("HDF5: bad magic"), OSError(errno.EINVAL, "seek")]
)
def test_what_content_can_cause_is_left_to_the_caller(err):
    raise_system_errors(err)


def test_numbers_that_json_does_not_have_become_null(tmp_path):
    # Previously NaN was written as such, which browsers and other readers refuse.
    path = tmp_path / "a.json"
    write_json(path, {"a": float("nan"), "b": [1.5, (float("-inf"), {"c": 2})]})
    assert "NaN" not in path.read_text() and "Infinity" not in path.read_text()
    assert read_json(path) == {"a": None, "b": [1.5, [None, {"c": 2}]]}


def test_a_full_disk_is_recognised_in_the_words_of_libraries():
    assert is_disk_full(OSError(errno.EDQUOT, "quota"))
    assert is_disk_full(RuntimeError("a/b; No space left on device"))  # TensorFlow's
    assert not is_disk_full(OSError(errno.EACCES, "no"))
    hiding = ValueError("an open writing handle")  # zipfile's, as it closes
    hiding.__context__ = OSError(errno.ENOSPC, "full")
    assert is_disk_full(hiding)
