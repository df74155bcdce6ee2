import gc

import keras
import numpy as np
import pytest
from tensorflow.python.framework.func_graph import FuncGraph

from tests.helpers.deconvnet_networks import chain, nested, small_zfnet
from tests.helpers.other_networks import as_classifier, vgg
from tests.helpers.projections import (
    assert_close,
    assert_engines_agree,
    maps_of,
    random_images,
)
from tests.helpers.rules import project_units, projector_of
from visualize import Deconvnet
from zfkeras import LocalResponseNormalization, MaxPoolWithArgmax, ZFNet
from zfkeras.errors import RunError, UsageError
from zfkeras.layers import _xla


@pytest.fixture(scope="module")
def deconvnet():
    return Deconvnet(small_zfnet())


@pytest.fixture(scope="module")
def images():
    return random_images((4, 31, 37, 3), scale=3)


def test_layers_may_have_any_name_that_keras_takes():
    model = chain(
        keras.layers.Conv2D(4, 3, name="_conv", use_bias=False),
        keras.layers.BatchNormalization(name="_norm"),
        keras.layers.ReLU(name="_relu"),
    )
    assert_engines_agree(model, random_images((2, 12, 12, 3)), "_relu", channel=1)


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


def test_none_means_the_strongest(deconvnet, images):
    maps = maps_of(deconvnet.model, images, "conv2")
    found = deconvnet.project_units(images, "conv2")
    for row, own in enumerate(maps):
        y, x, channel = np.unravel_index(own.argmax(), own.shape)
        assert (*found.positions[row], found.channels[row]) == (y, x, channel)
        np.testing.assert_allclose(found.activations[row], own.max(), rtol=1e-5)
    at_place = deconvnet.project_units(images, "conv2", None, (1, 2))
    assert at_place.channels.tolist() == maps[:, 1, 2].argmax(axis=-1).tolist()
    units = deconvnet.project_units(images, "fc6")
    strongest = maps_of(deconvnet.model, images, "fc6").argmax(axis=-1)
    assert units.channels.tolist() == strongest.tolist()


@pytest.mark.parametrize("layer", ["conv2", "fc6"])
def test_what_was_found_may_be_asked_for(deconvnet, images, layer):
    # previously the positions of fully connected layers, (0, 0), were refused
    found = deconvnet.project_units(images, layer)
    asked = (images, layer, found.channels, found.positions)
    assert_close(deconvnet.project(*asked), found.reconstructions, 1e-5)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("n", [1, 40])
def test_one_channel_of_dilated_filters(padding, n):
    # previously a ValueError of TensorFlow where one channel was computed alone; with a
    # position, where so many pairs made whole maps cheaper than windows
    layer = keras.layers.Conv2D(4, 3, padding=padding, dilation_rate=2, name="a")
    model = chain(layer, shape=(9, 8, 3))
    images, rows = random_images((1, 9, 8, 3)), np.zeros(n, int)
    for position in (None, (2, 3)):
        assert_engines_agree(
            model, images, "a", channel=1, position=position, image=rows
        )


@pytest.mark.parametrize(
    "place",
    [
        {},
        {"strides": 2, "padding": "same"},
        {"dilation_rate": 2, "use_bias": False},
    ],
)
def test_a_channel_of_its_own_for_each_image(place):
    # Only this channel's filter is applied to the image.
    layer = keras.layers.Conv2D(4, (2, 3), activation="relu", name="b", **place)
    model = chain(
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        layer,
        shape=(17, 15, 3),
    )
    images = random_images((4, 17, 15, 3))
    assert projector_of(model, "deconvnet", path="b").narrows(each=True)
    assert_engines_agree(model, images, "b", channel=[3, 0, 3, 1])


def test_whole_map_is_the_sum_of_its_units_for_a_linear_network():
    model = chain(keras.layers.Conv2D(2, 3, name="conv1"), shape=(5, 6, 3))
    images, deconvnet = random_images((1, 5, 6, 3)), Deconvnet(model)
    whole = deconvnet.project(images, "conv1", 1, "all")
    places = [(y, x) for y in range(3) for x in range(4)]
    single = deconvnet.project(images, "conv1", 1, places)
    np.testing.assert_allclose(single.sum(axis=0), whole[0], rtol=1e-5, atol=1e-5)


def test_logits_are_projected_not_probabilities(deconvnet, images):
    model = deconvnet.model
    features = maps_of(model, images, "dropout6")
    kernel, bias = model.get_layer("predictions").get_weights()
    found = deconvnet.project_units(images, "predictions", 3)
    logits = features @ kernel + bias
    np.testing.assert_allclose(found.activations, logits[:, 3], 1e-4)


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
    by_number = deconvnet.project_units(images, 1, 3)
    assert by_number.layer == "norm1"
    by_name = deconvnet.project(images, "norm1", 3)
    np.testing.assert_array_equal(by_number.reconstructions, by_name)


def test_an_activation_of_zero_has_an_empty_reconstruction():
    model = chain(keras.layers.Conv2D(1, 3, activation="relu", name="conv1"))
    model.get_layer("conv1").bias.assign([-1e6])
    found = Deconvnet(model).project_units(random_images((1, 12, 12, 3)), "conv1", 0)
    assert found.activations.tolist() == [0]
    assert not found.reconstructions.any()


@pytest.mark.parametrize("position", [None, (2, 3), "all"])
def test_batch_size_and_order_do_not_matter(deconvnet, images, position):
    rows, channels = [3, 0, 0, 2, 3, 1, 0], [0, 1, 2, 3, 4, 5, 6]
    one_by_one = [
        deconvnet.project(images[row : row + 1], "conv2", channel, position)[0]
        for row, channel in zip(rows, channels, strict=True)
    ]
    for batch_size in (1, 3, 32):
        together = deconvnet.project(
            images, "conv2", channels, position, image=rows, batch_size=batch_size
        )
        assert_close(together, np.stack(one_by_one), 1e-5)


@pytest.mark.parametrize("method", ["deconvnet", "guided", "gradient"])
@pytest.mark.parametrize("path", ["norm1", "pool2"])
def test_windows_change_nothing(images, method, path):
    projector = projector_of(small_zfnet(), method, path=path)
    height, width, _ = projector.shape
    edges = [(y, x) for y in (0, height // 2, height - 1) for x in (0, width - 1)]
    asked = [np.int32(each) for each in ([0, 1, 0, 1, 0, 1], range(6), edges)]
    windows = projector.windows
    assert projector.has_window
    projector.windows = dict.fromkeys(windows)
    whole = project_units(projector, False, images, *asked)
    projector.windows = windows
    for cut in (True, False):  # on the way up
        found = project_units(projector, cut, images, *asked)
        assert_close(found[0], whole[0], 1e-5)
        np.testing.assert_allclose(found[1], whole[1], 1e-5)


def test_activations_that_are_not_finite_are_an_error():
    model = hand_made()
    model.layers[0].set_weights([w + np.inf for w in model.layers[0].get_weights()])
    with pytest.raises(RunError, match="conv1"):
        Deconvnet(model).project(np.ones((1, 4, 4, 1)), "conv1")


def test_a_pool_hides_no_nan():
    model = chain(
        keras.layers.Conv2D(2, 2, name="a"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(1, 1, name="b"),
        shape=(5, 5, 1),
    )
    model.get_layer("a").bias.assign([0, np.nan])
    with pytest.raises(RunError, match="b"):
        Deconvnet(model).project(np.ones((1, 5, 5, 1)), "b")


def test_graphs_of_former_image_sizes_are_let_go(monkeypatch):
    monkeypatch.setattr(_xla, "MAX_SHAPES", 2)
    image = keras.Input((None, None, 2))
    maps, _ = MaxPoolWithArgmax(2, 2, "same")(image)
    maps = LocalResponseNormalization()(maps)
    deconvnet = Deconvnet(keras.Model(image, keras.layers.Conv2D(2, 1, name="c")(maps)))

    def num_graphs(heights):
        for height in heights:
            deconvnet.project(np.ones((1, height, 6, 2)), "c", channel=0)
        gc.collect()
        return sum(isinstance(thing, FuncGraph) for thing in gc.get_objects())

    first = num_graphs(range(8, 17))
    assert num_graphs(range(17, 20)) <= first + 2


def test_model_and_images_stay_as_they_were(images):
    model, before = small_zfnet(), images.copy()
    weights = model.get_weights()
    answers = np.asarray(model(images))
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    Deconvnet(model).project(images, "predictions", 1)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(np.asarray(model(images)), answers)
    for now, then in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, then)
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes


def test_new_weights_count_from_the_next_call(images):
    model = small_zfnet()
    deconvnet, conv1 = Deconvnet(model), model.get_layer("conv1")
    before = deconvnet.project(images, "conv1", 0, (1, 1))
    conv1.set_weights([2 * weight for weight in conv1.get_weights()])
    after = deconvnet.project(images, "conv1", 0, (1, 1))
    np.testing.assert_allclose(after, before * 4, rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_models(deconvnet, policy):
    images = random_images((2, 31, 37, 3))
    keras.config.set_dtype_policy(policy)
    half = small_zfnet()
    half.set_weights(deconvnet.model.get_weights())
    expected = deconvnet.project_units(images, "conv2")
    found = Deconvnet(half).project(
        images, "conv2", expected.channels, expected.positions
    )
    assert found.dtype == np.float32
    # bfloat16 has 8 bits, and a switch may fall on another near maximum.
    likeness = np.corrcoef(found.ravel(), expected.reconstructions.ravel())[0, 1]
    assert likeness > 0.98


def test_double_precision():
    keras.config.set_floatx("float64")  # Keras's whole numbers are then of 64 bits, too
    keras.config.set_dtype_policy("float64")
    model = chain(
        keras.layers.Conv2D(4, 3, 2, "same", activation="relu"),
        keras.layers.MaxPooling2D(3, 2, "same"),
        keras.layers.Conv2D(4, 3, activation="relu", name="maps"),
        shape=(31, 37, 3),
    )
    images = random_images((2, 31, 37, 3)).astype("float64")
    for asked in ({}, {"channel": 1}, {"channel": 1, "position": (1, 2)}):
        assert_engines_agree(model, images, "maps", **asked)


def test_images_of_any_size():
    fixed = chain(
        keras.layers.Conv2D(4, 3, 2, "same", activation="relu", name="a"),
        keras.layers.MaxPooling2D(3, 2, "same"),
        keras.layers.Conv2D(4, 3, name="b"),
        shape=(19, 27, 3),
    )
    free = keras.Sequential([keras.Input((None, None, 3)), *fixed.layers])
    images = random_images((2, 19, 27, 3))
    fixed, free = Deconvnet(fixed), Deconvnet(free)
    for position in (None, (1, 2)):
        expected = fixed.project(images, "b", 1, position)
        assert_close(free.project(images, "b", 1, position), expected, 1e-5)


def test_layers_above_the_projected_one_need_no_rule():
    model = chain(
        keras.layers.Conv2D(4, 3, activation="relu", name="low"),
        keras.layers.Conv2D(4, 3, activation="tanh", name="high"),
    )
    images, deconvnet = random_images((1, 12, 12, 3)), Deconvnet(model)
    assert deconvnet.project(images, "low", 0).any()
    with pytest.raises(UsageError) as error:
        deconvnet.project(images, "high", 0)
    assert (error.value.argument, error.value.received) == ("high", "tanh")


LENGTHS = "images, channel, position and image"


@pytest.mark.parametrize(
    "asked, argument",
    [
        ({"layer": "conv9"}, "layer"),
        ({"layer": 3}, "layer"),
        ({"channel": 12}, "channel"),
        ({"channel": [[1]]}, "channel"),
        ({"position": (0, 99)}, "position"),
        ({"position": "max"}, "position"),
        ({"layer": "fc6", "position": (0, 1)}, "position"),
        ({"channel": [1, 2, 3]}, LENGTHS),
        ({"image": [2]}, "image"),
        ({"batch_size": 0}, "batch_size"),
        ({"images": np.zeros((2, 31, 36, 3))}, "images"),
        ({"images": np.full((2, 31, 37, 3), np.nan)}, "images"),
    ],
)
def test_wrong_requests_are_named(deconvnet, asked, argument):
    asked = {"images": np.zeros((2, 31, 37, 3)), "layer": "conv2", **asked}
    with pytest.raises(UsageError) as error:
        deconvnet.project(**asked)
    assert error.value.argument == argument


class Written(keras.Model):
    def call(self, x):
        return x


def of_two_images():
    a, b = keras.Input((4, 4, 3)), keras.Input((4, 4, 3))
    return keras.Model([a, b], keras.layers.Add()([a, b]))


@pytest.mark.parametrize(
    "make, options, argument",
    [
        (Written, {}, "model"),
        (of_two_images, {}, "model"),
        (lambda: keras.Sequential([keras.layers.Dense(3)]), {}, "model"),
        (lambda: chain(keras.layers.Dense(3), shape=(4,)), {}, "model"),
        (nested, {"method": "saliency"}, "method"),
        (nested, {"lrn": "none"}, "lrn"),
    ],
)
def test_wrong_models_and_methods_are_named(make, options, argument):
    with pytest.raises(UsageError) as error:
        Deconvnet(make(), **options)
    assert error.value.argument == argument


def test_one_image_and_a_classifier_are_taken():
    classifier = as_classifier(vgg(3), 3)
    images = random_images((1, 32, 32, 3))
    expected = Deconvnet(classifier.model).project(images, "block2_pool", [1, 3])
    found = Deconvnet(classifier).project(images[0], "block2_pool", [1, 3])
    np.testing.assert_array_equal(found, expected)
    assert found.shape == (2, 32, 32, 3)


def test_one_of_several_calls_is_projected():
    image = keras.Input((8, 8, 3))
    shared = keras.layers.Conv2D(3, 3, activation="relu", name="shared")
    top = keras.layers.Conv2D(3, 1, name="top")
    model = keras.Model(image, top(shared(shared(image))))
    images = random_images((2, 8, 8, 3))
    with pytest.raises(UsageError) as error:
        Deconvnet(model).project(images, "shared")
    assert "shared@1, shared@2" in error.value.expected
    for layer, maps in (("shared@1", shared(image)), ("shared@2", top.input)):
        alone = keras.Model(image, keras.layers.Identity(name="end")(maps))
        assert_engines_agree(alone, images, "end", channel=[0, 1])
        expected = Deconvnet(alone).project(images, "end", [0, 1])
        found = Deconvnet(model).project(images, layer, [0, 1])
        assert_close(found, expected, 1e-6)
    assert_engines_agree(model, images, "top", channel=[0, 1])
