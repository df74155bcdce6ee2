import shutil

import keras
import numpy as np
import pytest

import zfkeras
from tests.helpers.splits import noise
from zfkeras.errors import UsageError
from zfkeras.models import presets
from zfkeras.models.classifier import Classifier

IMAGE = noise(0, 64, 64)


def test_a_path_loads_as_the_file_itself(model_file):
    expected = Classifier.load(model_file).predict(IMAGE)
    for name in (model_file, str(model_file)):
        np.testing.assert_array_equal(zfkeras.load(name).predict(IMAGE), expected)


def test_a_preset_loads_from_the_package_whatever_lies_about(
    model_file, tmp_path, monkeypatch
):
    weights = tmp_path / "package" / "weights"
    weights.mkdir(parents=True)
    shutil.copy(model_file, weights / "small.keras")
    monkeypatch.setattr(presets.resources, "files", lambda name: weights.parent)
    preset = presets.Preset("small.keras", "an untrained network", 1)
    monkeypatch.setitem(presets.PRESETS, "small", preset)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").write_text("a file of the same name")
    assert zfkeras.load("small").made == {"seed": 1}


def test_a_network_has_a_file_if_that_says_all_of_it(model_file, tmp_path):
    assert presets.network_file(model_file) == model_file
    assert Classifier.load(presets.network_file("quarter")).class_names
    plain = tmp_path / "plain.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(plain)
    for name in (plain, "keras:VGG16", tmp_path, "quart"):
        assert presets.network_file(name) is None


def test_a_name_that_is_neither_lists_the_presets(tmp_path):
    for name in (tmp_path / "none.keras", "quart"):
        with pytest.raises(FileNotFoundError, match=rf"\(quarter, zfnet512\).*{name}"):
            zfkeras.load(name)


def test_a_network_that_is_downloaded_first_says_how_and_is_found_then(
    model_file, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UsageError) as caught:
        zfkeras.load("zfnet512")
    assert "python -m zfkeras.download zfnet512 (349 MB)" in str(caught.value)
    path = tmp_path / "zfkeras" / "models" / "zfnet512.keras"
    assert str(path) in str(caught.value)
    path.parent.mkdir(parents=True)
    shutil.copy(model_file, path)
    assert zfkeras.load("zfnet512").made == {"seed": 1}


def test_every_preset_is_in_the_package_and_is_what_it_says():
    for name, preset in presets.PRESETS.items():
        classifier = zfkeras.load(name)
        assert classifier.model.count_params() == preset.parameters
        assert preset.description
