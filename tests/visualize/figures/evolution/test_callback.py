import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from visualize.figures.evolution.callback import EvolutionCallback
from zfkeras.errors import UsageError

IMAGES = np.random.default_rng(0).normal(size=(20, 12, 12, 1)).astype("float32")


def small_model():
    keras.utils.set_random_seed(0)
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


def train(model, *callbacks, epochs, **options):
    options |= {"verbose": 0, "shuffle": False, "callbacks": [*callbacks]}
    model.fit(IMAGES, np.arange(len(IMAGES)) % 2, epochs=epochs, **options)
    return model


def record_of(folder):
    return json.loads((folder / "evolution.json").read_text())


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A model, its callback and its folder after a training of three epochs."""
    folder = tmp_path_factory.mktemp("live")
    layers = ["low", "high", "answer"]
    live = EvolutionCallback(
        IMAGES, layers, (1, 3, 9), folder, num_channels=5, batch_size=7
    )
    return train(small_model(), live, epochs=3), live, folder


def test_training_is_not_touched(followed):
    without = train(small_model(), epochs=3)
    for beside, alone in zip(
        followed[0].get_weights(), without.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(beside, alone)


def test_it_writes_a_picture_a_record_and_summaries_for_tensorboard(followed):
    _, _, folder = followed
    record = record_of(folder)
    assert record["epochs"] == [1, 3]
    assert [*record["layers"]] == ["low", "high", "answer"]
    assert np.shape(record["layers"]["low"]["positions"]) == (5, 2, 2)
    assert np.shape(record["layers"]["answer"]["activations"]) == (2, 2)
    with Image.open(folder / "evolution.png") as picture:
        assert picture.size[0] > 300
    shown = {}
    for path in (folder / "tensorboard").glob("events*"):
        for one in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(one.numpy())
            for value in event.summary.value:
                # Width and height come before the encoded images.
                shown[value.tag, event.step] = tf.make_ndarray(value.tensor)[2:]
    tags = [f"evolution/{name}" for name in record["layers"]]
    assert {*shown} == {(tag, step) for tag in tags for step in (1, 3)}
    pictures = shown["evolution/low", 3]
    assert len(pictures) == 5
    assert tf.io.decode_png(pictures[0]).shape == (42, 42, 3)  # 3x3, enlarged


def test_it_finds_what_the_trained_network_answers_most_to(followed):
    model, live, folder = followed
    layer = record_of(folder)["layers"]["low"]
    maps = keras.Model(model.inputs[0], model.get_layer("low").output).predict(
        IMAGES, verbose=0
    )
    kernel = np.asarray(model.get_layer("low").kernel)[:, :, 0]
    *_, shown = live._looks[3]["low"]
    assert layer["channels"] == [0, 1, 2, 3, 4]
    for channel in layer["channels"]:
        one = maps[..., channel]
        image, *place = np.unravel_index(one.argmax(), one.shape)
        assert layer["images"][channel][1] == image
        assert layer["positions"][channel][1] == [*place]
        assert layer["activations"][channel][1] == pytest.approx(one.max(), rel=1e-4)
        # One activation of the first layer comes down as the filter.
        wanted = kernel[..., channel] * one.max()
        np.testing.assert_allclose(shown[channel, ..., 0], wanted, rtol=1e-3, atol=1e-6)


def test_a_training_that_goes_on_adds_columns_and_another_model_begins_anew(tmp_path):
    live = EvolutionCallback(IMAGES, ["answer"], (1, 2), tmp_path)
    model = train(small_model(), live, epochs=1)
    train(model, live, epochs=2, initial_epoch=1)
    assert record_of(tmp_path)["epochs"] == [1, 2]
    other = small_model()
    other.get_layer("answer").set_weights([np.zeros((36, 2)), np.ones(2)])
    other.get_layer("answer").trainable = False
    other.compile("sgd", "sparse_categorical_crossentropy")
    train(other, live, epochs=1)
    record = record_of(tmp_path)
    assert record["epochs"] == [1]
    assert record["layers"]["answer"]["activations"] == [[0.5], [0.5]]


def test_wrong_arguments_are_refused(tmp_path):
    for arguments in ((IMAGES[0], ["low"]), (IMAGES[:0], ["low"])):
        with pytest.raises(ValueError, match="images"):
            EvolutionCallback(*arguments)
    with pytest.raises(ValueError, match="epochs"):
        EvolutionCallback(IMAGES, ["low"], [0, 2])
    live = EvolutionCallback(IMAGES, ["missing"], [1], tmp_path)
    with pytest.raises(UsageError) as caught:
        train(small_model(), live, epochs=1)
    assert caught.value.argument == "layer" and "missing" in caught.value.received
