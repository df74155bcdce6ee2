import subprocess

import pytest

from zfkeras.io import provenance as module
from zfkeras.io.files import read_json
from zfkeras.io.invocation import command_line
from zfkeras.io.provenance import environment, write_record, write_results


@pytest.fixture(autouse=True)
def asks_git_again():
    module._commit.cache_clear()
    yield
    module._commit.cache_clear()


def test_without_git_there_is_no_commit(monkeypatch):
    def missing(*args, **kwargs):
        raise FileNotFoundError("git")

    monkeypatch.setattr(module.subprocess, "run", missing)
    assert environment()["commit"] is None


def test_the_commit_is_of_this_package_not_of_what_it_is_installed_in(
    tmp_path, monkeypatch
):
    package = tmp_path / ".venv" / "zfkeras"
    package.mkdir(parents=True)
    (package / "provenance.py").write_text("")
    (tmp_path / "theirs.py").write_text("")
    author = ("-c", "user.name=a", "-c", "user.email=a@b.c")

    def git(*words):
        subprocess.run(["git", *author, *words], cwd=tmp_path, check=True)

    git("init", "--quiet")
    git("add", "theirs.py")
    git("commit", "--quiet", "--no-verify", "--message", "theirs")
    monkeypatch.setattr(module, "__file__", str(package / "provenance.py"))
    assert environment()["commit"] is None
    module._commit.cache_clear()
    git("add", "--force", ".venv/zfkeras/provenance.py")
    git("commit", "--quiet", "--no-verify", "--message", "ours")
    assert len(environment()["commit"]) == 12


def test_a_record_says_how_it_came_about(tmp_path):
    path = write_record(tmp_path / "deep" / "results.json", {"top1_error": 0.5})
    record = read_json(path)
    assert record["top1_error"] == 0.5
    assert record["command"] == command_line()
    assert record["environment"]["keras"]


def test_results_are_written_under_both_names(tmp_path):
    path = write_results(tmp_path / "run", "occlusion", {"lift": 1.5})
    assert path == tmp_path / "run" / "occlusion.json"
    record = read_json(path)
    assert record["lift"] == 1.5 and record["command"]
    assert read_json(tmp_path / "run" / "results.json") == record


def test_the_results_of_a_training_are_kept(tmp_path):
    for name in ("config.json", "results.json"):
        write_record(tmp_path / name, {"epochs": 4})
    path = write_results(tmp_path, "evaluation", {"top1_error": 0.5})
    assert read_json(path)["top1_error"] == 0.5
    assert read_json(tmp_path / "results.json")["epochs"] == 4
