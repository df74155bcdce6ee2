import sys

import pytest

from zfkeras.cli import arguments, command
from zfkeras.errors import UsageError
from zfkeras.io.extras import EXTRAS, chosen_backend, explain_missing, load_name


@pytest.mark.parametrize(("module", "extra"), EXTRAS.items())
def test_a_missing_library_is_named_with_its_extra(module, extra, monkeypatch, capsys):
    def import_it(args):
        monkeypatch.setitem(sys.modules, module, None)
        __import__(module)

    parser = arguments.make_parser("zfkeras.some", "Do something.")
    assert command.run(parser, import_it, []) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m zfkeras.some: error: ")
    assert module in line and f"pip install 'zfkeras[{extra}]'" in line


def test_a_name_of_the_api_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "skops", None)
    with pytest.raises(ModuleNotFoundError, match=r"dump: .*'zfkeras\[transfer\]'"):
        load_name("skops", "dump")


def test_our_own_missing_modules_are_bugs_and_keep_their_traceback():
    assert explain_missing(ModuleNotFoundError("gone", name="zfkeras.gone")) is None
    with pytest.raises(ModuleNotFoundError, match="No module named"):
        load_name("zfkeras.gone", "name")


def test_another_backend_of_keras_is_refused_in_one_line(monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(UsageError) as caught:
        load_name("zfkeras.data.datasets", "open_data")
    assert (caught.value.argument, caught.value.received) == ("KERAS_BACKEND", "jax")
    assert load_name("zfkeras.models.presets", "load").__name__ == "load"

    parser = arguments.make_parser("zfkeras.some", "Do something.")
    assert command.run(parser, lambda args: None, []) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "KERAS_BACKEND" in line


@pytest.mark.parametrize(
    ("text", "backend"),
    [('{"backend": "torch"}', "torch"), ("{}", "tensorflow"), ("{", "tensorflow")],
)
def test_keras_own_file_chooses_the_backend(text, backend, monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert chosen_backend() == "tensorflow"
    (tmp_path / "keras.json").write_text(text)
    assert chosen_backend() == backend
