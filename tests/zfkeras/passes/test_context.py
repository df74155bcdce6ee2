"""How a command's flags say what a plain Keras file does not say of its network."""

import sys

import keras
import numpy as np
import pytest

from tests.helpers.splits import noise
from zfkeras.cli.arguments import INPUTS as FLAG_VALUES
from zfkeras.cli.settings import ModelSettings, ModelsSettings
from zfkeras.errors import UsageError
from zfkeras.models.inputs import INPUTS
from zfkeras.passes.context import Context
from zfkeras.predict import PREDICT


def save_network(path, *more):
    keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            *more,
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    ).save(path)
    return str(path)


def test_the_flag_takes_what_load_takes():
    assert FLAG_VALUES == INPUTS


def test_settings_say_what_the_file_does_not(tmp_path):
    model = save_network(tmp_path / "mine.keras")
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    settings = ModelSettings(
        model=model, inputs="tf", outputs="logits", class_names=names
    )
    context = Context(tmp_path)
    classifier = context.classifier(settings.model, settings)
    assert classifier.class_names == ("cat", "dog")
    assert classifier.prepare(np.zeros((16, 16, 3), np.uint8)).max() == -1
    assert context.classifier(settings.model, settings) is classifier
    with pytest.raises(UsageError) as caught:
        context.classifier(settings.model)
    assert caught.value.argument == "inputs"


def test_of_several_networks_they_are_meant_for_the_plain_files(tmp_path):
    model = save_network(tmp_path / "mine.keras")
    settings = ModelsSettings(
        models=("quarter", model), inputs="0..1", outputs="logits"
    )
    ours, theirs = Context(tmp_path).classifiers(settings.names, settings)
    assert ours.preprocessing.input_shape == (56, 56, 3)
    assert theirs.made["from_keras"]["inputs"] == "0..1"
    with pytest.raises(UsageError) as caught:
        Context(tmp_path).classifiers(["quarter"], settings)
    assert caught.value.argument == "inputs"


@pytest.fixture
def own_layer(tmp_path, monkeypatch):
    """A network with a layer of a module that nobody has imported; its path."""
    (tmp_path / "my_own_layers.py").write_text(
        "import keras\n"
        "class Doubled(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    from my_own_layers import Doubled

    model = save_network(tmp_path / "mine.keras", Doubled())
    del sys.modules["my_own_layers"]
    yield model
    keras.saving.get_custom_objects().pop("Doubled", None)
    sys.modules.pop("my_own_layers", None)


def test_a_module_is_imported_only_because_the_user_names_it(own_layer, tmp_path):
    settings = ModelSettings(model=own_layer, inputs="tf", outputs="logits")
    with pytest.raises(UsageError, match="--import MODULE"):
        Context(tmp_path).classifier(settings.model, settings)
    assert "my_own_layers" not in sys.modules
    settings = ModelSettings(
        model=own_layer, inputs="tf", outputs="logits", imports=("my_own_layers",)
    )
    classifier = Context(tmp_path).classifier(settings.model, settings)
    assert classifier.predict(noise(0, 16, 16)).shape == (1, 2)


def test_a_module_that_is_not_there_is_named(tmp_path):
    settings = ModelSettings(imports=("no_such_module",))
    with pytest.raises(UsageError) as caught:
        Context(tmp_path).classifier(settings.model, settings)
    assert caught.value.argument == "--import"


def test_the_flags_reach_a_command(own_layer, tmp_path, capsys):
    from PIL import Image

    Image.fromarray(noise(0, 20, 20)).save(tmp_path / "a.png")
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    given = ["a.png", "--model", own_layer, "--import", "my_own_layers"]
    given += ["--inputs=-1..1", "--outputs", "logits", "--class-names", "names.txt"]
    assert PREDICT.main(given) == 0
    printed = capsys.readouterr()
    assert "cat" in printed.out
