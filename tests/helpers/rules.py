"""Holds the rule of a layer to TensorFlow's own gradient of that layer."""

import keras
import numpy as np
import tensorflow as tf

from tests.helpers.projections import assert_close, random_images, shake
from visualize.deconvnet.graph import Graph
from visualize.deconvnet.projector import Projector
from visualize.deconvnet.rules import Options
from visualize.deconvnet.seeds import Asks, project
from visualize.deconvnet.windows import Cutter, paste


def projector_of(model, method="gradient", lrn="gradient", path=None, rules="paper"):
    """The way down from a layer of a model, by default from its last."""
    path = path or model.outputs[0]._keras_history.operation.name
    return Projector(Graph(model, Options(method, lrn, rules)), path)


def project_units(projector, cut, images, rows, channels, places):
    """Reconstructions of given units as whole images, and their activations."""
    asks = Asks(False, False, False)
    found = project(projector, asks, cut, images, rows, channels, places)
    below, activations = found[0].numpy(), found[1].numpy()
    window = projector.windows.get(0)
    if window is None:
        return below, activations
    reconstructions = np.zeros((len(rows), *images.shape[1:]), np.float32)
    paste(below, window, places, reconstructions)
    return reconstructions, activations


def gradient(model, images, signal):
    """What TensorFlow makes of a signal (n, ...) in the shape of the output."""
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = model(x, training=False)
    return tape.gradient(output, x, output_gradients=tf.constant(signal)).numpy()


def assert_exact(build, shape=(9, 11, 4), seed=0, windowed=None):
    """A rule is the gradient of its layer, on whole maps and inside windows."""
    keras.utils.set_random_seed(seed)
    image = keras.Input(shape)
    model = keras.Model(image, build(image))
    shake(model, seed)
    images = random_images((2, *shape), seed)
    projector = projector_of(model)
    rows = tf.range(2)
    cutter = Cutter(tf.zeros((2, 2), tf.int32), rows)
    ascent = projector.up(tf.constant(images))
    assert_close(ascent.maps.numpy(), np.asarray(model(images)), 1e-5)
    signal = random_images(ascent.maps.shape, seed + 1)
    whole = projector.down(tf.constant(signal), ascent, cutter)
    assert_close(whole.numpy(), gradient(model, images, signal), 1e-5)
    assert windowed is None or windowed == projector.has_window
    if projector.has_window and 0 in projector.windows:
        _assert_units_exact(model, projector, images)


def _assert_units_exact(model, projector, images):
    height, width, channels = model.output_shape[1:]
    places = [(0, 0), (height - 1, width - 1), (height // 2, 0), (0, width // 2)]
    rows, numbers = [0, 1, 1, 0], [0, channels - 1, 0, channels - 1]
    alone = np.zeros((4, height, width, channels), np.float32)
    maps = np.asarray(model(images))
    for pair, unit in enumerate(zip(rows, places, numbers, strict=True)):
        row, (y, x), channel = unit
        alone[pair, y, x, channel] = maps[row, y, x, channel]
    wanted = gradient(model, images[rows], alone)
    for cut in (True, False):
        asked = (np.int32(given) for given in (rows, numbers, places))
        found, _ = project_units(projector, cut, images, *asked)
        assert_close(found, wanted, 1e-5)
