import gc

import keras
import numpy as np
import pytest
from tensorflow.python.framework.func_graph import FuncGraph

from tests.helpers.deconvnet_networks import (
    chain,
    small_zfnet,
)
from tests.helpers.projections import (
    assert_close,
    maps_of,
    random_images,
)
from visualize import Deconvnet
from zfkeras import LocalResponseNormalization, MaxPoolWithArgmax, ZFNet
from zfkeras.errors import RunError, UsageError
from zfkeras.layers import _compiled

METHODS = ["deconvnet", "guided", "gradient"]


def hand_made():
    """4x4 -> 2x2 filters, stride 2 -> ReLU -> 2x2 pool -> one unit."""
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Conv2D(3, 2, 2, activation="relu", name="conv1"),
            keras.layers.MaxPooling2D(2, name="pool1"),
            keras.layers.Conv2D(1, 1, name="conv2"),
        ]
    )
    first = [[[1, 2], [3, 4]], [[1, 0], [0, -1]], [[1, 1], [0, 0]]]
    kernel = np.transpose(np.array(first, float), (1, 2, 0))[:, :, None]
    model.get_layer("conv1").set_weights([kernel, np.array([5.0, 100.0, -1000.0])])
    weights = np.array([1.0, -1.0, 2.0]).reshape(1, 1, 3, 1)
    model.get_layer("conv2").set_weights([weights, np.array([200.0])])
    return model


# Filter 1 is strongest over the block at the bottom left, 5 + 4 * 3 = 17; filter 2 over
# that at the top right, 100 + 2; filter 3 is off everywhere, so its first place counts.
HAND_IMAGE = np.array(
    [[0, 0, 2, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 3, 0, 0]], np.float32
)[None, :, :, None]
HAND_ACTIVATION = 200 + 17 - 102  # = 115
FIRST = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [1, 2, 0, 0], [3, 4, 0, 0]], float)
SECOND = np.array([[0, 0, 1, 0], [0, 0, 0, -1], [0, 0, 0, 0], [0, 0, 0, 0]], float)
THIRD = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], float)


@pytest.mark.parametrize(
    "method, expected",
    [
        # The second filter's signal is negative, and rectified away; the third's
        # comes down although the filter was off.
        ("deconvnet", FIRST + 2 * THIRD),
        ("guided", FIRST),
        ("gradient", FIRST - SECOND),
    ],
)
@pytest.mark.parametrize("position", [None, (0, 0), "all"])
def test_four_by_four_by_hand(method, expected, position):
    found = Deconvnet(hand_made(), method=method).project_units(
        HAND_IMAGE, "conv2", 0, position
    )
    assert found.activations.tolist() == [HAND_ACTIVATION]
    np.testing.assert_allclose(
        found.reconstructions[0, :, :, 0], HAND_ACTIVATION * expected
    )


@pytest.mark.parametrize("pool", [keras.layers.MaxPooling2D, MaxPoolWithArgmax])
def test_windows_that_share_a_maximum_add(pool):
    # The centre of 5x5 is the maximum of all four 3x3 windows of stride 2.
    image = keras.Input((5, 5, 1))
    pooled = pool(3, 2)(image)
    pooled = pooled if pool is keras.layers.MaxPooling2D else pooled[0]
    total = keras.layers.Conv2D(1, 2, use_bias=False, kernel_initializer="ones")(pooled)
    model = keras.Model(image, total)
    pixels = np.zeros((1, 5, 5, 1), np.float32)
    pixels[0, 2, 2] = 3
    found = Deconvnet(model).project_units(pixels, model.layers[-1].name)
    expected = np.zeros((5, 5))
    expected[2, 2] = 4 * 12  # four windows, each with the activation 4 * 3
    assert found.activations.tolist() == [12]
    np.testing.assert_allclose(found.reconstructions[0, :, :, 0], expected)


def test_one_activation_comes_down_unless_the_whole_map_is_asked_for():
    model = chain(
        keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones", name="a"),
        shape=(2, 2, 1),
    )
    pixels = np.array([[1, 2], [4, 3]], np.float32)[None, :, :, None]
    for position, expected in (
        (None, [[0, 0], [4, 0]]),
        ((0, 1), [[0, 2], [0, 0]]),
        ("all", [[1, 2], [4, 3]]),
    ):
        found = Deconvnet(model).project(pixels, "a", 0, position)
        assert found[0, :, :, 0].tolist() == expected


def test_pixels_are_not_rectified():
    model = chain(keras.layers.Conv2D(4, 3, activation="relu", name="conv1"))
    assert Deconvnet(model).project(random_images((1, 12, 12, 3)), "conv1").min() < 0


def test_none_means_the_strongest():
    model, images = small_zfnet(), random_images((3, 31, 37, 3))
    maps = maps_of(model, images, "conv2")
    found = Deconvnet(model).project_units(images, "conv2")
    for row in range(3):
        y, x, channel = np.unravel_index(maps[row].argmax(), maps[row].shape)
        assert (*found.positions[row], found.channels[row]) == (y, x, channel)
        np.testing.assert_allclose(found.activations[row], maps[row].max(), rtol=1e-5)
    at_place = Deconvnet(model).project_units(images, "conv2", None, (1, 2))
    assert at_place.channels.tolist() == maps[:, 1, 2].argmax(axis=-1).tolist()
    units = Deconvnet(model).project_units(images, "fc6")
    assert units.channels.tolist() == (
        maps_of(model, images, "fc6").argmax(axis=-1).tolist()
    )


def test_whole_map_is_the_sum_of_its_units_for_a_linear_network():
    model = chain(keras.layers.Conv2D(2, 3, name="conv1"), shape=(5, 6, 3))
    images, deconvnet = random_images((1, 5, 6, 3)), Deconvnet(model)
    whole = deconvnet.project(images, "conv1", 1, "all")
    places = [(y, x) for y in range(3) for x in range(4)]
    single = deconvnet.project(images, "conv1", 1, places)
    np.testing.assert_allclose(single.sum(axis=0), whole[0], rtol=1e-5, atol=1e-5)


def test_logits_are_projected_not_probabilities():
    model, images = small_zfnet(), random_images((2, 31, 37, 3))
    features = maps_of(model, images, "dropout6")
    kernel, bias = model.get_layer("predictions").get_weights()
    found = Deconvnet(model).project_units(images, "predictions", 3)
    np.testing.assert_allclose(
        found.activations, (features @ kernel + bias)[:, 3], 1e-4
    )


@pytest.mark.parametrize(
    "sigmoid",
    [
        keras.layers.Dense(1, activation="sigmoid", name="answer"),
        keras.Sequential(
            [keras.layers.Dense(1), keras.layers.Activation("sigmoid")], name="answer"
        ),
    ],
)
def test_a_sigmoid_is_projected_from_its_logit(sigmoid):
    model = chain(keras.layers.Flatten(), sigmoid)
    images = random_images((2, *model.input_shape[1:]))
    found = Deconvnet(model).project_units(images, "answer", 0)
    kernel, bias = model.get_layer("answer").get_weights()
    logits = images.reshape(2, -1) @ kernel + bias
    np.testing.assert_allclose(found.activations, logits[:, 0], 1e-4, 1e-5)
    np.testing.assert_allclose(
        found.reconstructions.reshape(2, -1), logits * kernel[:, 0], 1e-4, 1e-5
    )


def test_layer_numbers_are_the_papers():
    model = ZFNet(7, variant="zfnet_quarter", kernel_initializer="he_normal")
    images, deconvnet = random_images((1, 56, 56, 3)), Deconvnet(model)
    for number, name in ((1, "norm1"), (5, "pool5"), (7, "fc7")):
        by_number = deconvnet.project_units(images, number, 3)
        assert by_number.layer == name
        by_name = deconvnet.project(images, name, 3)
        np.testing.assert_array_equal(by_number.reconstructions, by_name)


def test_an_activation_of_zero_has_an_empty_reconstruction():
    model = chain(keras.layers.Conv2D(1, 3, activation="relu", name="conv1"))
    model.get_layer("conv1").bias.assign([-1e6])
    found = Deconvnet(model).project_units(random_images((1, 12, 12, 3)), "conv1", 0)
    assert found.activations.tolist() == [0]
    assert not found.reconstructions.any()


@pytest.mark.parametrize("position", [None, (2, 3), "all"])
def test_batch_size_and_order_do_not_matter(position):
    model, images = small_zfnet(), random_images((4, 31, 37, 3), scale=3)
    rows, channels = [3, 0, 0, 2, 3, 1, 0], [0, 1, 2, 3, 4, 5, 6]
    deconvnet = Deconvnet(model)
    one_by_one = [
        deconvnet.project(images[row : row + 1], "conv2", channel, position)[0]
        for row, channel in zip(rows, channels, strict=True)
    ]
    for batch_size in (1, 3, 32):
        together = deconvnet.project(
            images, "conv2", channels, position, image=rows, batch_size=batch_size
        )
        assert_close(together, np.stack(one_by_one), 1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["norm1", "pool2"])
def test_windows_change_nothing(method, path):
    model, images = small_zfnet(), random_images((2, 31, 37, 3), scale=3)
    height, width = maps_of_shape(model, path)
    edges = [(y, x) for y in (0, height // 2, height - 1) for x in (0, width - 1)]
    asked = {
        "channel": [0, 1, 2, 3, 4, 5],
        "position": edges,
        "image": [0, 1, 0, 1, 0, 1],
    }
    windowed, whole = Deconvnet(model, method=method), Deconvnet(model, method=method)
    projector = whole._projector(path)
    projector.windows = dict.fromkeys(projector.windows)
    assert windowed._projector(path).has_window and not projector.has_window
    expected = whole.project_units(images, path, **asked)
    cut = windowed._projector(path)
    for pays in (True, False):  # on the way up
        cut.cutting_pays = lambda n_pairs, n_images, pays=pays: pays
        found = windowed.project_units(images, path, **asked)
        assert_close(found.reconstructions, expected.reconstructions, 1e-5)
        np.testing.assert_allclose(found.activations, expected.activations, 1e-5)


def maps_of_shape(model, path):
    output = model.get_layer(path).output
    return (output[0] if isinstance(output, (list, tuple)) else output).shape[1:3]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_images_that_are_not_finite_are_refused(value):
    images = np.ones((2, 4, 4, 1))
    images[1, 2, 2] = value
    with pytest.raises(UsageError, match="images"):
        Deconvnet(hand_made()).project(images, "conv1")


def test_activations_that_are_not_finite_are_an_error():
    model = hand_made()
    model.layers[0].set_weights([w + np.inf for w in model.layers[0].get_weights()])
    with pytest.raises(RunError, match="conv1"):
        Deconvnet(model).project(np.ones((1, 4, 4, 1)), "conv1")


def test_graphs_of_former_image_sizes_are_let_go(monkeypatch):
    monkeypatch.setattr(_compiled, "MAX_SHAPES", 2)
    image = keras.Input((None, None, 2))
    maps, _ = MaxPoolWithArgmax(3, 2, "same")(image)
    maps = LocalResponseNormalization()(keras.layers.MaxPooling2D()(maps))
    deconvnet = Deconvnet(keras.Model(image, keras.layers.Conv2D(2, 1, name="c")(maps)))

    def num_graphs(heights):
        for height in heights:
            deconvnet.project(np.ones((1, height, 16, 2)), "c", channel=0)
        gc.collect()
        return sum(isinstance(thing, FuncGraph) for thing in gc.get_objects())

    first = num_graphs(range(8, 18))
    assert num_graphs(range(18, 24)) <= first + 2
