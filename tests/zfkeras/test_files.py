import os
import stat
import threading

import pytest

from zfkeras.files import read_json, write_json, written_whole


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


def test_a_failing_block_leaves_no_file_where_there_was_none(tmp_path):
    with pytest.raises(Stopped), written_whole(tmp_path / "a.bin"):
        raise Stopped
    assert names(tmp_path) == []


def test_the_old_file_is_whole_until_the_new_one_is(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with written_whole(path) as file:
        file.write(b"newer")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"newer"


def test_a_name_that_is_a_folder_is_an_error_and_leaves_no_litter(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(IsADirectoryError), written_whole(tmp_path / "a.bin"):
        pass
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_others_may_read_it_as_the_umask_says(tmp_path, umask, mask, mode):
    # mkstemp alone would make every file private.
    umask(mask)
    with written_whole(tmp_path / "a.bin"):
        pass
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == mode
    assert os.umask(mask) == mask


def test_the_umask_is_not_touched(tmp_path, monkeypatch):
    # Previously it was 0 for a moment, and for good if two threads met there.
    monkeypatch.delattr(os, "umask")
    with written_whole(tmp_path / "a.bin"):
        pass


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


def test_text_is_utf8_in_any_locale(tmp_path, monkeypatch):
    monkeypatch.setattr("locale.getencoding", lambda: "ascii")
    with written_whole(tmp_path / "a.txt", "w") as file:
        file.write("Ärmel, 猫\n")
    assert (tmp_path / "a.txt").read_bytes() == "Ärmel, 猫\n".encode()


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
