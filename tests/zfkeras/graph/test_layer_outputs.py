import keras
import numpy as np
import pytest
import tensorflow as tf

from zfkeras.graph.layer_outputs import compile_layer, compile_outputs


class Counter(keras.layers.Layer):
    """Counts how often Keras runs it in Python: once per compilation."""

    calls = 0

    def call(self, maps):
        self.calls += 1
        return maps + 1.0


@pytest.fixture
def images():
    return np.random.default_rng(0).random((3, 8, 8, 3), np.float32)


def counting_network():
    image = keras.Input((8, 8, 3))
    below, above = Counter(name="below"), Counter(name="above")
    model = keras.Model(image, above(below(image)))
    below.calls = above.calls = 0
    return model, below, above


def test_it_is_compiled_once_and_runs_nothing_above(images):
    model, below, above = counting_network()
    outputs = compile_outputs(model, [below.output])
    for _ in range(3):
        (found,) = outputs(images)
    np.testing.assert_array_equal(found, images + 1)
    assert (below.calls, above.calls) == (1, 0)
    outputs = compile_outputs(model, [above.output, below.output, above.output])
    for found, added in zip(outputs(images), (2, 1, 2), strict=True):
        np.testing.assert_array_equal(found, images + added)


def test_tensorflow_warns_of_no_retracing_where_many_layers_are_compiled(caplog):
    image = keras.Input((2, 2, 3))
    maps = [image]
    for _ in range(7):  # TensorFlow warns from the fifth on
        maps.append(keras.layers.ReLU()(maps[-1]))
    model = keras.Model(image, maps[-1])
    caplog.set_level("WARNING", "tensorflow")
    tf.get_logger().addHandler(caplog.handler)  # its messages do not propagate
    try:
        for one in maps[1:]:
            compile_outputs(model, [one])(np.ones((1, 2, 2, 3), np.float32))
    finally:
        tf.get_logger().removeHandler(caplog.handler)
    assert not caplog.records


def test_dropout_and_batch_normalisation_are_in_inference_mode(images):
    image = keras.Input((8, 8, 3))
    maps = keras.layers.BatchNormalization(epsilon=1.0)(image)
    model = keras.Model(image, keras.layers.Dropout(0.9, name="drop")(maps))
    shape, output = compile_layer(model, "drop")
    assert shape == (8, 8, 3)
    np.testing.assert_allclose(output(images), images / np.sqrt(2), rtol=1e-5)


def test_half_precision_gives_float32(images):
    image = keras.Input((8, 8, 3))
    conv = keras.layers.Conv2D(4, 1, name="conv", dtype="mixed_float16")
    model = keras.Model(image, conv(image))
    _, output = compile_layer(model, "conv")
    assert output(images).dtype == np.float32
    by_hand = images @ conv.kernel.numpy()[0, 0]
    np.testing.assert_allclose(output(images), by_hand, atol=2e-3)
