"""Data for commands without --data; the server is a loopback one."""

import dataclasses
import io
import sys

import pytest

from tests.helpers.file_server import serving
from tests.helpers.trees import write_tree
from zfkeras.data.published.obtaining import obtain_data, obtain_every
from zfkeras.data.published.sets import DATA_SETS
from zfkeras.errors import UsageError

CONTENT = b"an archive"
GROUPS = [["caltech101"], ["voc2012", "voc2007"]]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of downloads; nothing is on this machine."""
    for variable in ("ZFKERAS_DATA", "XDG_CACHE_HOME", "TFDS_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    return tmp_path / "XDG_CACHE_HOME" / "zfkeras" / "data"


@pytest.fixture
def server(tmp_path, monkeypatch, cache):
    """Serves something in place of three sets."""
    folder = tmp_path / "served"
    with serving(folder) as server:
        for name in ("caltech101", "voc2012", "voc2007"):
            files = []
            for file in DATA_SETS[name].files:
                write_tree(folder, {file.name: CONTENT})
                files.append(server.published(file.name, CONTENT))
            entry = dataclasses.replace(DATA_SETS[name], files=tuple(files))
            monkeypatch.setitem(DATA_SETS, name, entry)
        yield server


@pytest.fixture
def terminal(monkeypatch):
    """Answers as a user at a terminal does; returns what the user is asked."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def terminal(answer):
        monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return terminal


@pytest.mark.parametrize("spec", ["caltech101:/nowhere", "shapes", "no such set"])
def test_a_spec_is_left_alone(cache, spec):
    assert obtain_data(spec, ["caltech101"], download=True) == spec


@pytest.mark.parametrize("spec", [None, "caltech101"])
def test_a_missing_set_is_downloaded_once_if_that_is_asked_for(server, cache, spec):
    for _ in range(2):
        found = obtain_data(spec, ["caltech101"], download=True)
        assert found == f"caltech101:{cache}/caltech-101.zip"
    assert (cache / "caltech-101.zip").read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_without_a_terminal_nothing_is_asked_or_downloaded(server, cache, capsys):
    with pytest.raises(UsageError, match="python -m zfkeras.download voc2012"):
        obtain_data(None, ["voc2012", "voc2007"], download=False)
    assert server.requests == []
    assert "?" not in capsys.readouterr().err


@pytest.mark.parametrize("answer", ["y", "YES"])
def test_a_user_who_agrees_gets_the_download(server, cache, terminal, answer):
    asked = terminal(answer)
    found = obtain_data(None, ["voc2012", "voc2007"], download=False)
    assert found == f"voc2012:{cache}/VOCtrainval_11-May-2012.tar"
    question = asked.getvalue().splitlines()[0]
    assert "voc2012 (0 MB)" in question and str(cache) in question


@pytest.mark.parametrize("answer", ["", "n", "what?"])
def test_a_user_who_does_not_agree_gets_none(server, terminal, answer):
    terminal(answer)
    with pytest.raises(UsageError, match="Received: none"):
        obtain_data(None, ["caltech101"], download=False)
    assert server.requests == []


def test_of_several_sets_those_that_are_there_are_enough(server, cache, terminal):
    write_tree(cache, {"caltech-101.zip": b"mine"})
    asked = terminal("y")
    found = obtain_every(GROUPS, download=False)
    assert found == [f"caltech101:{cache}/caltech-101.zip"]
    assert "?" not in asked.getvalue() and server.requests == []
    voc = f"voc2012:{cache}/VOCtrainval_11-May-2012.tar"
    assert obtain_every(GROUPS, download=True) == [*found, voc]
    assert [path for path, _ in server.requests] == ["/VOCtrainval_11-May-2012.tar"]
