import keras
import numpy as np
import pytest

import visualize
from tests.helpers.projections import (
    assert_close,
    assert_engines_agree,
    by_reference,
    random_images,
    shake,
)
from visualize import Deconvnet
from zfkeras import MaxPoolWithArgmax, UsageError, ZFNet
from zfkeras.layers import LocalResponseNormalization

METHODS = ["deconvnet", "guided", "gradient"]


def small_zfnet(**kwargs):
    """Every kind of layer of ZFNet, on 31x37 images; strides leave pixels over."""
    image = keras.Input((31, 37, 3))
    x = keras.layers.Conv2D(8, 5, 2, "valid", activation="relu", name="conv1")(image)
    x, _ = MaxPoolWithArgmax(3, 2, "same", name="pool1")(x)
    x = LocalResponseNormalization(alpha=0.5, name="norm1")(x)
    x = keras.layers.Conv2D(12, 3, 1, "same", activation="relu", name="conv2")(x)
    x, _ = MaxPoolWithArgmax(3, 2, "valid", name="pool2")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(10, "relu", name="fc6")(x)
    x = keras.layers.Dropout(0.5, name="dropout6")(x)
    outputs = keras.layers.Dense(5, "softmax", name="predictions")(x)
    model = keras.Model(image, outputs)
    shake(model)
    return model


def chain(*layers, shape=(12, 12, 3), seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(shape), *layers])
    shake(model)
    return model


# === By hand ===


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


def test_pixels_are_not_rectified():
    model = chain(keras.layers.Conv2D(4, 3, activation="relu", name="conv1"))
    assert Deconvnet(model).project(random_images((1, 12, 12, 3)), "conv1").min() < 0


# === Two engines ===


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["conv1", "norm1", "pool2", "predictions"])
def test_engines_agree_on_every_kind_of_layer(method, path):
    images = random_images((4, 31, 37, 3), scale=3)
    assert_engines_agree(small_zfnet(), images, path, method, channel=[0, 1, 2, 3])


@pytest.mark.parametrize("lrn", ["identity", "gradient"])
def test_engines_agree_on_contrast_normalisation(lrn):
    model, images = small_zfnet(), random_images((3, 31, 37, 3), scale=3)
    found = Deconvnet(model, lrn=lrn).project_units(images, "conv2", 5)
    assert_close(
        found.reconstructions, by_reference(model, images, found, "conv2", lrn=lrn)
    )


@pytest.mark.parametrize("path", ["conv3", "predictions"])
def test_engines_agree_on_the_quarter_network(path):
    model = ZFNet(20, variant="zfnet_quarter", kernel_initializer="he_normal")
    shake(model)
    images = random_images((3, 56, 56, 3))
    assert_engines_agree(model, images, path, channel=[7, 8, 9])


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["zfnet", "alexnet"])
@pytest.mark.parametrize("path", ["conv2", "conv5", "fc7", "predictions"])
def test_engines_agree_at_paper_scale(variant, path):
    model = ZFNet(variant=variant, kernel_initializer="he_normal")
    images = random_images((1, 224, 224, 3), scale=60)
    assert_engines_agree(model, images, path)


def vgg_like():
    conv = {"padding": "same", "activation": "relu"}
    return chain(
        keras.layers.Conv2D(6, 3, name="a", **conv),
        keras.layers.Conv2D(6, 3, name="b", **conv),
        keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(8, 3, name="c", **conv),
        keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(8, 3, name="d", **conv),
        keras.layers.Flatten(),
        keras.layers.Dense(9, name="e"),
        keras.layers.Activation("relu", name="f"),
        keras.layers.Dense(4, name="g"),
        keras.layers.Softmax(name="h"),
        shape=(21, 26, 3),
    )


def resnet_like(relu=keras.layers.ReLU):
    image = keras.Input((33, 29, 3))
    x = keras.layers.ZeroPadding2D(3)(image)
    x = keras.layers.Conv2D(8, 7, 2, use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = relu()(x)
    x = keras.layers.MaxPooling2D(3, 2, "same")(x)
    for number, stride in enumerate((1, 2)):
        short = keras.layers.Conv2D(8, 1, stride)(x)
        short = keras.layers.BatchNormalization()(short)
        x = keras.layers.Conv2D(8, 3, stride, "same")(x)
        x = keras.layers.BatchNormalization()(x)
        x = relu()(x)
        x = keras.layers.Conv2D(8, 3, padding="same")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Add()([short, x])
        x = relu(name=f"block{number}")(x)
    x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    model = keras.Model(image, keras.layers.Dense(5, "softmax", name="classes")(x))
    shake(model)
    return model


@pytest.mark.parametrize("path", ["d", "h"])
def test_engines_agree_on_a_vgg_like(path):
    assert_engines_agree(vgg_like(), random_images((3, 21, 26, 3), scale=3), path)


@pytest.mark.parametrize(
    "path, method",
    [("block0", "deconvnet"), ("block1", "gradient"), ("classes", "deconvnet")],
)
def test_engines_agree_on_a_resnet_like(path, method):
    images = random_images((3, 33, 29, 3), scale=3)
    assert_engines_agree(resnet_like(), images, path, method)


@pytest.mark.parametrize("method", ["deconvnet", "guided"])
def test_engines_agree_on_relu_operations(method):
    def relu(name=None):
        return lambda x: keras.ops.relu(x)

    model = resnet_like(relu)
    images = random_images((3, 33, 29, 3), scale=3)
    assert_engines_agree(model, images, "classes", method)


def nested():
    inner = keras.Sequential(
        [
            keras.Input((10, 10, 6)),
            keras.layers.Conv2D(6, 3, activation="relu", name="deep"),
        ],
        name="inner",
    )
    image = keras.Input((10, 10, 6))
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="low")(image)
    middle = keras.Model(image, keras.ops.relu(inner(x)), name="middle")
    outer = keras.Input((24, 24, 3))
    x = keras.layers.Conv2D(6, 5, 2, activation="relu", name="first")(outer)
    x = middle(x)
    x = keras.layers.GlobalMaxPooling2D()(x)
    model = keras.Model(outer, keras.layers.Dense(4, name="last")(x))
    shake(model)
    return model


@pytest.mark.parametrize("path", ["last", "middle", "middle.low", "middle.inner.deep"])
def test_engines_agree_on_nested_models(path):
    model, images = nested(), random_images((2, 24, 24, 3), scale=3)
    found = Deconvnet(model).project_units(images, path, 1)
    # The reference finds tensors of the outer model; by hand for the inner ones.
    flat = flattened(model)
    wanted = by_reference(flat, images, found, path.split(".")[-1])
    assert_close(found.reconstructions, wanted)


def flattened(model):
    """The nested model without nests, on the same layers."""
    middle = model.get_layer("middle")
    image = keras.Input((24, 24, 3))
    x = model.get_layer("first")(image)
    x = middle.get_layer("low")(x)
    deep = middle.get_layer("inner").get_layer("deep")(x)
    relu = keras.layers.ReLU(name="middle")(deep)
    x = keras.layers.GlobalMaxPooling2D()(relu)
    flat = keras.Model(image, model.get_layer("last")(x))
    twin = keras.models.clone_model(flat)  # so that each layer is called once
    twin.set_weights(flat.get_weights())
    return twin


def random_network(seed):
    """Random kernels, strides, paddings, dilations and pools on odd sizes."""
    random = np.random.default_rng(seed)
    size = random.integers(23, 40, 2)
    layers = []
    for _ in range(3):
        padding = str(random.choice(["same", "valid"]))
        kernel = [int(k) for k in random.integers(1, 5, 2)]
        stride, dilation = [(1, 1), (2, 1), (3, 1), (1, 2)][random.integers(4)]
        layers.append(
            keras.layers.Conv2D(
                6,
                kernel,
                stride,
                padding,
                dilation_rate=dilation,
                activation="relu",
                groups=int(random.choice([1, 3])) if layers else 1,
            )
        )
        if random.random() < 0.7:
            layers.append(
                keras.layers.MaxPooling2D(
                    [int(p) for p in random.integers(2, 4, 2)],
                    [int(s) for s in random.integers(1, 3, 2)],
                    "same",
                )
            )
    layers.append(keras.layers.Conv2D(4, 1, name="top"))
    return chain(*layers, shape=(*map(int, size), 3), seed=seed)


@pytest.mark.parametrize("seed", range(5))
def test_engines_agree_on_random_networks(seed):
    model = random_network(seed)
    images = random_images((3, *model.input_shape[1:]), seed, scale=3)
    height, width, _ = model.output_shape[1:]
    assert_engines_agree(model, images, "top", channel=[0, 1, 2])
    corners = [(0, 0), (height - 1, width - 1), (height // 2, 0)]
    assert_engines_agree(model, images, "top", channel=[3, 1, 2], position=corners)


@pytest.mark.slow
def test_keras_applications_vgg16():
    model = keras.applications.VGG16(weights=None, input_shape=(32, 40, 3), classes=3)
    images = random_images((1, 32, 40, 3), scale=50)
    assert_engines_agree(model, images, "block4_conv2")
    assert_engines_agree(model, images, "predictions")


@pytest.mark.slow
def test_keras_applications_resnet50():
    model = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3))
    shake(model)
    outer = keras.Sequential([keras.Input((64, 64, 3)), model])
    images = random_images((1, 64, 64, 3), scale=50)
    found = assert_engines_agree(model, images, "conv5_block3_out")
    again = Deconvnet(outer).project(images, "resnet50.conv5_block3_out")
    np.testing.assert_allclose(again, found.reconstructions, rtol=1e-5, atol=1e-6)


# === Which activation ===


def maps_of(model, images, path):
    part = keras.Model(model.inputs[0], model.get_layer(path).output)
    return np.asarray(part(images))


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


def test_the_first_of_equals_is_taken():
    model = chain(keras.layers.Conv2D(2, 1, name="conv1"), shape=(3, 4, 1))
    found = Deconvnet(model).project_units(np.ones((1, 3, 4, 1)), "conv1", 1)
    assert found.positions.tolist() == [[0, 0]]


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


# === Batches ===


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


def test_one_image_serves_every_pair():
    model, images = small_zfnet(), random_images((1, 31, 37, 3))
    assert Deconvnet(model).project(images, "conv2", range(5)).shape == (5, 31, 37, 3)


def test_no_images_give_no_reconstructions():
    found = Deconvnet(small_zfnet()).project(np.zeros((0, 31, 37, 3)), "conv2", 1)
    assert found.shape == (0, 31, 37, 3)


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


# === Models ===


def test_model_and_images_stay_as_they_were():
    model, images = small_zfnet(), random_images((2, 31, 37, 3))
    weights, before = model.get_weights(), images.copy()
    answers = np.asarray(model(images))
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    Deconvnet(model).project(images, "predictions", 1)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(np.asarray(model(images)), answers)
    for now, then in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, then)
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes


def test_new_weights_count_from_the_next_call():
    model, images = small_zfnet(), random_images((1, 31, 37, 3))
    deconvnet = Deconvnet(model)
    before = deconvnet.project(images, "conv1", 0, (1, 1))
    model.get_layer("conv1").kernel.assign(model.get_layer("conv1").kernel * 2)
    bias = model.get_layer("conv1").bias
    bias.assign(bias * 2)
    np.testing.assert_allclose(
        deconvnet.project(images, "conv1", 0, (1, 1)), before * 4, rtol=1e-5
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_models(policy):
    images = random_images((2, 31, 37, 3))
    wide = small_zfnet()
    keras.config.set_dtype_policy(policy)
    half = small_zfnet()
    half.set_weights(wide.get_weights())
    expected = Deconvnet(wide).project_units(images, "conv2")
    found = Deconvnet(half).project(
        images, "conv2", expected.channels, expected.positions
    )
    assert found.dtype == np.float32
    # bfloat16 has 8 bits, and a switch may fall on another near maximum.
    likeness = np.corrcoef(found.ravel(), expected.reconstructions.ravel())[0, 1]
    assert likeness > 0.98
    assert Deconvnet(half).project(images, "predictions", 1).any()


def test_images_of_any_size():
    fixed = chain(
        keras.layers.Conv2D(4, 3, 2, "same", activation="relu", name="a"),
        keras.layers.MaxPooling2D(3, 2, "same"),
        keras.layers.Conv2D(4, 3, name="b"),
        shape=(19, 27, 3),
    )
    free = keras.Sequential([keras.Input((None, None, 3)), *fixed.layers])
    images = random_images((2, 19, 27, 3))
    for position in (None, (1, 2), "all"):
        expected = Deconvnet(fixed).project(images, "b", 1, position)
        found = Deconvnet(free).project(images, "b", 1, position)
        assert_close(found, expected, 1e-5)


def test_layers_above_the_projected_one_need_no_rule():
    model = chain(
        keras.layers.Conv2D(4, 3, activation="relu", name="low"),
        keras.layers.Conv2D(4, 3, activation="tanh", name="high"),
    )
    images, deconvnet = random_images((1, 12, 12, 3)), Deconvnet(model)
    assert deconvnet.project(images, "low", 0).any()
    with pytest.raises(UsageError, match=r"layer 'high' of class tanh"):
        deconvnet.project(images, "high", 0)


# === Errors ===


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"layer": "conv9"}, r"`layer` must be a layer.*such as conv.*'conv9'"),
        ({"layer": 3}, r"`layer` must be one of \[1, 2, 6\].*layer=3"),
        ({"layer": 1.5}, r"`layer` must be a whole number.*1\.5"),
        ({"channel": 12}, r"`channel` must be from 0 to 11.*channel=12"),
        ({"channel": -1}, r"`channel` must be from 0 to 11.*channel=-1"),
        ({"channel": 0.5}, r"`channel` must be a whole number or an array"),
        ({"channel": [[1]]}, r"`channel` must be one number or an array"),
        ({"position": (0, 99)}, r"must lie in the layer's maps of 7x9.*\(0, 99\)"),
        ({"position": "max"}, r"`position` must be \(y, x\), an array.*'max'"),
        ({"position": (1, 2, 3)}, r"`position` must be \(y, x\)"),
        ({"layer": "fc6", "position": (0, 0)}, r"units without a place"),
        ({"channel": [1, 2, 3]}, r"one length.*'channel': 3.*'images': 2"),
        ({"image": [2]}, r"`image` must be from 0 to 1: there are 2"),
        ({"batch_size": 0}, r"`batch_size` must be a whole number from 1"),
        ({"images": np.zeros((2, 31, 36, 3))}, r"`images` must be .*\(2, 31, 36, 3\)"),
        ({"images": np.zeros((31, 37, 3))}, r"`images` must be .*\(31, 37, 3\)"),
        ({"images": np.full((1, 31, 37, 3), "a")}, r"`images` must be a numeric array"),
    ],
)
def test_wrong_requests_are_named(asked, message):
    asked = {"images": np.zeros((2, 31, 37, 3)), "layer": "conv2", **asked}
    with pytest.raises(UsageError, match=message):
        Deconvnet(small_zfnet()).project(**asked)


def test_wrong_methods_are_named():
    with pytest.raises(UsageError, match=r"`method` must be one of.*'saliency'"):
        Deconvnet(small_zfnet(), method="saliency")
    with pytest.raises(UsageError, match=r"`lrn` must be one of.*'none'"):
        Deconvnet(small_zfnet(), lrn="none")


def test_wrong_models_are_named():
    class Written(keras.Model):
        def call(self, x):
            return x

    a, b = keras.Input((4, 4, 3)), keras.Input((4, 4, 3))
    two = keras.Model([a, b], keras.layers.Add()([a, b]))
    for model, message in (
        (Written(), "functional or sequential Keras model.*Written"),
        (keras.Sequential([keras.layers.Dense(3)]), "built functional or sequential"),
        (two, "one image"),
        (keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), "one image"),
    ):
        with pytest.raises(UsageError, match=message):
            Deconvnet(model)


def test_a_layer_called_twice_is_no_single_target():
    image = keras.Input((8, 8, 3))
    shared = keras.layers.Conv2D(3, 3, activation="relu", name="shared")
    top = keras.layers.Conv2D(3, 1, name="top")
    model = keras.Model(image, top(shared(shared(image))))
    images = random_images((2, 8, 8, 3))
    with pytest.raises(UsageError, match="called at 2"):
        Deconvnet(model).project(images, "shared")
    assert_engines_agree(model, images, "top", channel=[0, 1])


def test_public_names_are_found():
    for name in visualize.__all__:
        assert getattr(visualize, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        visualize.nothing  # noqa: B018
