"""Files that Keras 2 and 3 wrote, and files of strangers among them."""

import json

import h5py
import keras
import numpy as np
import pytest

import zfkeras
from tests.helpers.splits import noise
from zfkeras.errors import UsageError

SHAPE = (16, 16, 3)
IMAGES = np.stack([noise(seed, 16, 16) for seed in range(3)])
NAMES = ("cat", "dog", "bee")


def network(last="softmax", *more):
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Rescaling(1 / 255),
            keras.layers.DepthwiseConv2D(3),
            keras.layers.BatchNormalization(),
            *more,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, last),
        ]
    )


# What is read


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".hdf5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_file_of_kerass_own_goes_from_file_to_answers(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    model = network()
    model.save(path)
    classifier = zfkeras.load(path, class_names=NAMES)
    expected = model.predict(IMAGES.astype(np.float32), verbose=0)
    np.testing.assert_allclose(classifier.predict(IMAGES), expected, atol=1e-6)
    assert classifier.class_names == NAMES


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_the_files_loss_says_that_it_answers_with_logits(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    model = network(None)
    with pytest.raises(UsageError, match="outputs"):
        model.save(path)
        zfkeras.load(path)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    model.save(path)
    classifier = zfkeras.load(path)
    assert classifier.made["from_keras"]["outputs"] == "logits"


def in_words_of_keras_2(config):
    """What Keras 2 writes of these layers."""
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "DepthwiseConv2D":
            layer["config"]["groups"] = 1
        if layer["class_name"] == "BatchNormalization":
            layer["config"]["axis"] = [3]
        if layer["class_name"] == "InputLayer":
            shape = layer["config"].pop("batch_shape")
            layer["config"]["batch_input_shape"] = shape
    return config


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_an_h5_file_of_keras_2_is_read(tmp_path):
    path = tmp_path / "old.h5"
    model = network()
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = in_words_of_keras_2(json.loads(file.attrs["model_config"]))
        file.attrs["model_config"] = json.dumps(config)
    before = path.read_bytes()
    # Keras does not read it by itself.
    with pytest.raises(TypeError):
        keras.saving.load_model(path)
    classifier = zfkeras.load(path)
    expected = model.predict(IMAGES.astype(np.float32), verbose=0)
    np.testing.assert_allclose(classifier.predict(IMAGES), expected, atol=1e-6)
    assert path.read_bytes() == before


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_an_h5_file_of_keras_2_with_a_base_model_inside_is_read(tmp_path):
    path = tmp_path / "tuned.h5"
    image = keras.Input(SHAPE)
    maps = keras.layers.Conv2D(4, 3, name="conv")(image)
    base = keras.Model(image, maps, name="base")
    pool, answer = keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)
    model = keras.Sequential([keras.Input(SHAPE), base, pool, answer])
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        (inside,) = (
            layer
            for layer in config["config"]["layers"]
            if layer["config"]["name"] == "base"
        )
        inside["config"]["output_layers"] = [["conv", 0, 0]]
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ValueError):
        keras.saving.load_model(path)
    classifier = zfkeras.load(path, inputs="0..255", outputs="logits")
    logits = model.predict(IMAGES.astype(np.float32), verbose=0)
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.predict(IMAGES), expected, atol=1e-5)


class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_layer_of_the_users_own_is_named_and_loads_once_it_is_known(tmp_path, suffix):
    path = tmp_path / f"own{suffix}"
    network("softmax", Twice()).save(path)
    with pytest.raises(UsageError) as caught:
        zfkeras.load(path)
    assert "Twice" in caught.value.received
    assert "--import MODULE" in str(caught.value)
    assert "damaged" not in str(caught.value)
    with keras.saving.custom_object_scope({"Twice": Twice}):
        assert zfkeras.load(path).predict(IMAGES).shape == (3, 3)


def twice_relu(x):
    return 2 * keras.ops.relu(x)


def test_an_activation_of_the_users_own_is_named(tmp_path):
    path = tmp_path / "own.keras"
    network("softmax", keras.layers.Activation(twice_relu)).save(path)
    with pytest.raises(UsageError) as caught:
        zfkeras.load(path)
    assert "twice_relu" in caught.value.received
    with keras.saving.custom_object_scope({"twice_relu": twice_relu}):
        assert zfkeras.load(path).predict(IMAGES).shape == (3, 3)


# What is refused


@pytest.mark.parametrize("option", ["inputs", "outputs", "class_names", "output"])
def test_options_are_refused_where_the_network_says_it_by_itself(model_file, option):
    for name in ("quarter", model_file):
        with pytest.raises(UsageError) as caught:
            zfkeras.load(name, **{option: "tf"})
        assert caught.value.argument == option


def test_a_file_of_weights_alone_is_refused(tmp_path):
    path = tmp_path / "mine.weights.h5"
    network().save_weights(path)
    with pytest.raises(UsageError) as caught:
        zfkeras.load(path)
    assert "weights" in caught.value.received


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_an_h5_file_that_leads_out_of_itself_is_refused(tmp_path):
    secret, path = tmp_path / "secret.h5", tmp_path / "mine.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.full((3, 3), 42, np.float32)
    network().save(path)
    with h5py.File(path, "r+") as file:
        file["model_weights"]["more"] = h5py.ExternalLink(str(secret), "x")
    with pytest.raises(UsageError, match="more is in another file"):
        zfkeras.load(path)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_lambda_of_an_h5_file_is_never_executed(tmp_path):
    marker, path = tmp_path / "executed", tmp_path / "trap.h5"
    trap = keras.layers.Lambda(lambda x, m=str(marker): (open(m, "w").close(), x)[1])
    network("softmax", trap).save(path)
    marker.unlink()  # building the network has called the function
    with pytest.raises(UsageError) as caught:
        zfkeras.load(path)
    assert "\n" not in str(caught.value) and "ambda" in str(caught.value)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["cut.h5", "cut.keras", "mine.onnx"])
def test_what_is_no_model_file_is_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"no model")
    with pytest.raises(UsageError, match=name) as caught:
        zfkeras.load(path)
    assert "\n" not in str(caught.value)


def test_a_folder_of_tensorflows_is_refused_with_the_line_that_converts_it(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(UsageError) as caught:
        zfkeras.load(tmp_path)
    assert "tf_keras.models.load_model" in str(caught.value)
