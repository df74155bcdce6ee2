import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.rules import assert_exact
from visualize.deconvnet.rules.convolutions import dilated, transposed

PLACES = [
    *itertools.product([1, 2, 3], [1], ["same", "valid"]),
    *itertools.product([1], [2, 3], ["same", "valid"]),
]


@pytest.mark.parametrize("kernel", [1, 3, 4])
@pytest.mark.parametrize("stride, dilation, padding", PLACES)
def test_convolutions(kernel, stride, dilation, padding):
    assert_exact(
        lambda x: keras.layers.Conv2D(
            5, kernel, stride, padding, dilation_rate=dilation, activation="relu"
        )(x),
        shape=(14, 17, 4),
    )


@pytest.mark.parametrize("stride, dilation, padding", PLACES)
def test_grouped_convolutions(stride, dilation, padding):
    layer = keras.layers.Conv2D(
        6, 3, stride, padding, dilation_rate=dilation, groups=2, activation="relu"
    )
    assert_exact(layer, shape=(14, 17, 4))


@pytest.mark.parametrize("stride, dilation, padding", PLACES)
@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_convolutions(stride, dilation, padding, multiplier):
    layer = keras.layers.DepthwiseConv2D(
        3, stride, padding, multiplier, dilation_rate=dilation, activation="relu"
    )
    assert_exact(layer, shape=(14, 17, 4))


@pytest.mark.parametrize("stride, dilation, padding", PLACES)
def test_separable_convolutions(stride, dilation, padding):
    layer = keras.layers.SeparableConv2D(
        5, 3, stride, padding, depth_multiplier=2, dilation_rate=dilation
    )
    assert_exact(layer, shape=(14, 17, 4))


def test_unequal_kernels_and_strides():
    layer = keras.layers.Conv2D(5, (2, 5), (3, 1), "same")
    assert_exact(layer, shape=(14, 17, 4), windowed=True)


def test_convolutions_without_bias():
    layer = keras.layers.Conv2D(5, 3, use_bias=False)
    assert_exact(layer, windowed=True)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [(7, 7), (2, 3), (1, 1), (4, 5)])
@pytest.mark.parametrize("stride", [2, 3, 4])
def test_phases_equal_the_transposed_convolution(kernel, stride, padding):
    # Few channels come out, so that the phases are taken.
    random = np.random.default_rng(0)
    size = (25, 30)
    out = [
        -(-n // stride) if padding == "same" else (n - k) // stride + 1
        for n, k in zip(size, kernel, strict=True)
    ]
    signal = tf.constant(random.normal(size=(2, *out, 8)), tf.float32)
    filters = tf.constant(random.normal(size=(*kernel, 3, 8)), tf.float32)
    found = transposed(signal, filters, (*size, 3), (stride, stride), padding)
    wanted = tf.nn.conv2d_transpose(
        signal, filters, (2, *size, 3), stride, padding.upper()
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_dilated_kernels_by_hand():
    kernel = tf.reshape(tf.range(1.0, 5.0), (2, 2, 1, 1))
    found = dilated(kernel, (2, 3))[:, :, 0, 0].numpy()
    assert found.tolist() == [[1, 0, 0, 2], [0, 0, 0, 0], [3, 0, 0, 4]]
