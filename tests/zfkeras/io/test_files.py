import contextlib
import errno
import os
import signal
import subprocess
import sys

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


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "a" / "b.bin"
    with written_whole(path) as file:
        file.write(b"whole")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert names(path.parent) == ["b.bin"]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_a_failing_block_leaves_the_old_file_and_no_litter(tmp_path, stop):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(stop), written_whole(path) as file:
        file.write(b"half")
        raise stop
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_json_round_trips_and_reads_well(tmp_path):
    path = tmp_path / "a.json"
    value = {"größe": [1, 2.5, None, True], "path": os.fsdecode(b"caf\xe9.keras")}
    write_json(path, {**value, "a": float("nan"), "b": [(float("-inf"),)]})
    assert read_json(path) == {**value, "a": None, "b": [[None]]}
    text = path.read_text(encoding="utf-8")
    assert text.startswith('{\n  "größe": [\n') and text.endswith("}\n")
    with pytest.raises(TypeError):
        write_json(path, {"new": {1, 2}})
    assert path.read_text(encoding="utf-8") == text


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


def test_what_a_living_process_writes_and_what_only_looks_like_it_stays(tmp_path):
    precious = {".bashrc", ".0123abcd", ".0123abc.a.bin", "0123abcd.a.bin"}
    for name in precious:
        (tmp_path / name).write_bytes(b"precious")
    with written_whole(tmp_path / "a.bin") as first:
        first.write(b"first")
        remove_leftovers(tmp_path)
        with written_whole(tmp_path / "a.bin") as second:
            second.write(b"second")
    assert (tmp_path / "a.bin").read_bytes() == b"first"
    assert {*names(tmp_path)} == {*precious, "a.bin"}


def test_a_damaged_record_is_named_with_what_is_done(tmp_path, caplog):
    path = tmp_path / "a.json"
    assert read_json_again(path, "starting over") is None
    assert not caplog.text
    path.write_text('{"accuracy": 0.')
    assert read_json_again(path, "starting over") is None
    assert str(path) in caplog.text and "starting over" in caplog.text


def hiding(cause):
    err = ValueError("an open writing handle")  # zipfile's, as it closes
    err.__context__ = cause
    return err


@pytest.mark.parametrize(
    ("err", "full", "system"),
    [
        (OSError(errno.EDQUOT, "quota"), True, True),
        (RuntimeError("a/b; No space left on device"), True, False),  # TensorFlow's
        (hiding(OSError(errno.ENOSPC, "full")), True, False),
        (PermissionError(errno.EACCES, "no"), False, True),
        (OSError(errno.EIO, "disk"), False, True),
        (MemoryError(), False, True),
        # What a file's content can cause.
        (OSError("HDF5: bad magic"), False, False),
        (OSError(errno.EINVAL, "seek"), False, False),
    ],
)
def test_what_the_system_and_the_disk_refuse_is_told_from_bad_content(
    err, full, system
):
    assert is_disk_full(err) == full
    with pytest.raises(type(err)) if system else contextlib.nullcontext():
        raise_system_errors(err)


def test_the_checksum_of_a_beginning(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"123456789 and more")
    assert crc32(tmp_path / "a.bin", 9) == 0xCBF43926  # the algorithm's check value
    with pytest.raises(ValueError, match="cut short"):
        crc32(tmp_path / "a.bin", 100)
