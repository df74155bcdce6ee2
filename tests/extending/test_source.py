import pytest

from tests.helpers.records import read_results
from transfer import caltech
from zfkeras import UsageError, register_source
from zfkeras.data.register import open_source


def test_a_source_is_one_file_and_one_call(add, model_file, tmp_path):
    add("digits_source")
    words = ["--data", "digits:300", "--layer", "5", "--n-train-per-class", "15"]
    places = ["--workdir", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    model = ["--model", str(model_file), "--folds", "1"]
    assert caltech.main([*words, *places, *model]) == 0
    results = read_results(tmp_path / "out", "caltech")
    assert results["data"] == "digits:300" and results["num_classes"] == 10
    assert results["rows"][0]["mean"] > 0.5  # chance: 0.1


def test_an_unknown_prefix_is_named_beside_the_known_ones(add):
    add("digits_source")
    with pytest.raises(UsageError, match=r"digits:\.\.\."):
        open_source("numerals:300")


@pytest.mark.parametrize(("prefix", "reader"), [("a:b", len), ("", len), ("a", None)])
def test_what_is_no_source_is_refused(prefix, reader):
    with pytest.raises(UsageError):
        register_source(prefix, reader)
