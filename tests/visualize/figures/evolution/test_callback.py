import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from visualize.figures.evolution.callback import EvolutionCallback
from zfkeras.errors import UsageError


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(20, 12, 12, 1)).astype("float32")


def small_model():
    layers = [
        keras.layers.Conv2D(5, 3, activation="relu", name="low"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(4, 3, activation="relu", name="high"),
        keras.layers.Flatten(),
        keras.layers.Dense(2, activation="softmax", name="answer"),
    ]
    model = keras.Sequential([keras.Input((12, 12, 1)), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def train(model, images, callbacks, epochs, **kwargs):
    labels = np.arange(len(images)) % 2
    model.fit(
        images,
        labels,
        epochs=epochs,
        callbacks=callbacks,
        verbose=0,
        shuffle=False,
        **kwargs,
    )


def summaries(folder):
    """(tag, step) -> images of the event files in a folder."""
    found = {}
    for path in folder.glob("events*"):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                # Width and height come before the encoded images.
                encoded = tf.make_ndarray(value.tensor)[2:]
                found[value.tag, event.step] = [
                    tf.io.decode_png(file).numpy() for file in encoded
                ]
    return found


def test_it_looks_after_the_epochs_asked_for(images, tmp_path):
    live = EvolutionCallback(
        images, ["low", "high", "answer"], (1, 3, 9), tmp_path, num_channels=3
    )
    train(small_model(), images, [live], epochs=4)
    record = json.loads((tmp_path / "evolution.json").read_text())
    assert record["epochs"] == [1, 3]
    assert {*record["layers"]} == {"low", "high", "answer"}
    assert np.shape(record["layers"]["low"]["positions"]) == (3, 2, 2)
    assert np.shape(record["layers"]["answer"]["activations"]) == (2, 2)
    with Image.open(tmp_path / "evolution.png") as picture:
        assert picture.size[0] > 300
    shown = summaries(tmp_path / "tensorboard")
    assert {*shown} == {
        (f"evolution/{name}", step) for name in record["layers"] for step in (1, 3)
    }
    assert len(shown["evolution/low", 3]) == 3
    assert shown["evolution/low", 3][0].shape == (42, 42, 3)  # 3x3, enlarged


def test_it_finds_what_the_trained_network_answers_most_to(images, tmp_path):
    model = small_model()
    live = EvolutionCallback(images, ["low"], [2], tmp_path, batch_size=7)
    train(model, images, [live], epochs=2)
    layer = json.loads((tmp_path / "evolution.json").read_text())["layers"]["low"]
    low = keras.Model(model.inputs[0], model.get_layer("low").output)
    maps = low.predict(images, verbose=0)
    assert layer["channels"] == [0, 1, 2, 3, 4]
    for channel in layer["channels"]:
        one = maps[..., channel]
        image, y, x = np.unravel_index(one.argmax(), one.shape)
        assert layer["images"][channel] == [image]
        assert layer["positions"][channel] == [[y, x]]
        assert layer["activations"][channel][0] == pytest.approx(one.max(), rel=1e-4)
    # One activation of the first layer comes down as the filter.
    kernel = np.asarray(model.get_layer("low").kernel)[:, :, 0]
    (_, _, _, shown) = live._looks[2]["low"]
    for channel in range(5):
        wanted = kernel[..., channel] * layer["activations"][channel][0]
        np.testing.assert_allclose(shown[channel, ..., 0], wanted, rtol=1e-3, atol=1e-6)


def test_training_is_not_touched(images, tmp_path):
    weights = []
    for callbacks in ([], [EvolutionCallback(images, ["high"], (1, 2), tmp_path)]):
        keras.utils.set_random_seed(0)
        model = small_model()
        train(model, images, callbacks, epochs=2)
        weights.append(model.get_weights())
    for without, beside in zip(*weights, strict=True):
        np.testing.assert_array_equal(without, beside)


def test_a_training_that_goes_on_adds_columns(images, tmp_path):
    model = small_model()
    live = EvolutionCallback(images, ["high"], (1, 2), tmp_path)
    train(model, images, [live], epochs=1)
    train(model, images, [live], epochs=2, initial_epoch=1)
    record = json.loads((tmp_path / "evolution.json").read_text())
    assert record["epochs"] == [1, 2]


def test_another_model_begins_anew(images, tmp_path):
    live = EvolutionCallback(images, ["answer"], (1, 2), tmp_path)
    train(small_model(), images, [live], epochs=2)
    other = small_model()
    other.get_layer("answer").set_weights([np.zeros((36, 2)), np.array([1.0, 1.0])])
    other.get_layer("answer").trainable = False
    other.compile("sgd", "sparse_categorical_crossentropy")
    train(other, images, [live], epochs=1)
    record = json.loads((tmp_path / "evolution.json").read_text())
    assert record["epochs"] == [1]
    assert record["layers"]["answer"]["activations"] == [[0.5], [0.5]]


def test_layers_inside_nested_models_and_of_unknown_field(images, tmp_path):
    inner = [
        keras.layers.Conv2D(3, 3, name="conv"),
        keras.layers.UpSampling2D(name="up"),
    ]
    inner = keras.Sequential([keras.Input((12, 12, 1)), *inner], name="inner")
    image = keras.Input((12, 12, 1))
    flat = keras.layers.Flatten()(inner(image))
    model = keras.Model(image, keras.layers.Dense(2, "softmax")(flat))
    model.compile("sgd", "sparse_categorical_crossentropy")
    live = EvolutionCallback(images, ["inner.conv", "inner.up"], [1], tmp_path)
    train(model, images, [live], epochs=1)
    shapes = {name: shown.shape for name, (*_, shown) in live._looks[1].items()}
    # What an enlarged unit sees is not known: its whole image is shown.
    assert shapes == {"inner.conv": (3, 3, 3, 1), "inner.up": (3, 12, 12, 1)}


def test_wrong_arguments_are_named(images, tmp_path):
    with pytest.raises(ValueError, match=r"images.shape=\(12, 12, 1\)"):
        EvolutionCallback(images[0], ["low"])
    with pytest.raises(ValueError, match=r"images.shape=\(0, 12, 12, 1\)"):
        EvolutionCallback(images[:0], ["low"])
    with pytest.raises(ValueError, match=r"Received: epochs=\[0, 2\]"):
        EvolutionCallback(images, ["low"], [0, 2])
    live = EvolutionCallback(images, ["missing"], [1], tmp_path)
    with pytest.raises(UsageError, match="Received: layer='missing'"):
        train(small_model(), images, [live], epochs=1)
