import keras
import numpy as np
import pytest

from zfkeras import UsageError, ZFNet
from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax
from zfkeras.layers.max_rms import MaxRMS
from zfkeras.models.variants import VARIANTS

ZFNET_LAYERS = (
    "images pad1 conv1 pool1 norm1 conv2 pool2 norm2 conv3 conv4 conv5 pool5 flatten "
    "fc6 dropout6 fc7 dropout7 predictions"
)
ALEXNET_LAYERS = (
    "images pad1 conv1 norm1 pool1 conv2 norm2 pool2 conv3 conv4 conv5 pool5 flatten "
    "fc6 dropout6 fc7 dropout7 predictions"
)


def weightless(variant, num_classes=1000, **kwargs):
    """A model of which all shapes are known, but no weight takes any memory."""
    with keras.StatelessScope(initialize_variables=False):
        return ZFNet(num_classes, variant=variant, **kwargs)


@pytest.mark.parametrize("variant", ["zfnet_quarter", "alexnet_quarter"])
def test_the_global_data_format_has_no_say(variant, channels_first):
    model = ZFNet(5, variant=variant, dtype="float32")
    images = np.random.default_rng(0).normal(0, 60, (1, 56, 56, 3)).astype("float32")
    found = model.predict_on_batch(images)
    config, weights = model.get_config(), model.get_weights()
    keras.config.set_image_data_format("channels_last")
    expected = ZFNet(5, variant=variant, dtype="float32")
    assert config["layers"] == expected.get_config()["layers"]
    expected.set_weights(weights)
    np.testing.assert_array_equal(found, expected.predict_on_batch(images))


def side(model, name):
    """Height of a layer's maps, which are square."""
    output = model.get_layer(name).output
    shape = (output[0] if isinstance(output, list) else output).shape
    assert shape[1] == shape[2]
    return shape[1]


def layers_of(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


@pytest.mark.parametrize(
    ("variant", "num_classes", "count"),
    [
        ("zfnet", 1000, 62_357_608),
        ("zfnet_b", 1000, 107_627_624),
        ("zfnet_fc2048", 1000, 28_848_232),
        ("zfnet_fc8192", 1000, 154_542_184),
        ("zfnet_b_fc8192", 1000, 237_560_936),
        ("alexnet", 1000, 62_378_344),
        ("zfnet_quarter", 200, 3_424_328),
    ],
)
def test_parameter_counts(variant, num_classes, count):
    assert weightless(variant, num_classes).count_params() == count


@pytest.mark.parametrize(
    ("variant", "sizes", "names"),
    [
        ("zfnet", (110, 55, 26, 13, 13, 13, 13, 6), ZFNET_LAYERS),
        ("alexnet", (55, 27, 27, 13, 13, 13, 13, 6), ALEXNET_LAYERS),
        (
            "zfnet_quarter",
            (28, 14, 14, 7, 7, 7, 7, 3),
            ZFNET_LAYERS.replace("pad1 ", ""),
        ),
        (
            "alexnet_quarter",
            (14, 7, 7, 4, 4, 4, 4, 2),
            ALEXNET_LAYERS.replace("pad1 ", ""),
        ),
    ],
)
def test_names_and_sizes_of_the_maps(variant, sizes, names):
    model = weightless(variant)
    assert [layer.name for layer in model.layers] == names.split()
    assert model.name == variant
    names = ("conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5")
    assert tuple(side(model, name) for name in names) == sizes


def test_kernels_strides_and_channels_are_those_of_figure_3():
    model = weightless("zfnet")
    found = [
        (conv.filters, conv.kernel_size[0], conv.strides[0], conv.groups)
        for conv in layers_of(model, keras.layers.Conv2D)
    ]
    assert found == [
        (96, 7, 2, 1),
        (256, 5, 2, 1),
        (384, 3, 1, 1),
        (384, 3, 1, 1),
        (256, 3, 1, 1),
    ]
    assert model.get_layer("pad1").padding == ((0, 1), (0, 1))
    assert weightless("alexnet").get_layer("pad1").padding == ((0, 3), (0, 3))
    for pool in layers_of(model, MaxPoolWithArgmax):
        assert (pool.pool_size, pool.strides) == ((3, 3), (2, 2))
    assert model.get_layer("flatten").output.shape[-1] == 6 * 6 * 256
    assert [dense.units for dense in layers_of(model, keras.layers.Dense)] == [
        4096,
        4096,
        1000,
    ]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_has_its_layers_and_nothing_left_over(variant):
    model = weightless(variant, 10, max_filter_rms=0.05)
    spec = VARIANTS[variant]
    assert model.input_shape == (None, spec.crop_size, spec.crop_size, 3)
    assert model.output_shape == (None, 10)
    filters = {c.name: c.filters for c in layers_of(model, keras.layers.Conv2D)}
    assert filters == {f"conv{n}": s.filters for n, s in spec.stages.items()}
    units = {d.name: d.units for d in layers_of(model, keras.layers.Dense)}
    expected = {f"fc{n}": units for n, units in spec.fully_connected.items()}
    assert units == {**expected, "predictions": 10}
    rates = {d.name: d.rate for d in layers_of(model, keras.layers.Dropout)}
    assert rates == {f"dropout{n}": 0.5 for n in spec.fully_connected}
    assert len(layers_of(model, LocalResponseNormalization)) == 2
    assert not layers_of(model, keras.layers.MaxPooling2D)
    for conv in layers_of(model, keras.layers.Conv2D):
        assert isinstance(conv.kernel_constraint, MaxRMS)
        assert conv.kernel_constraint.max_value == 0.05
        assert conv.bias_constraint is None
        assert conv.activation is keras.activations.relu
    for dense in layers_of(model, keras.layers.Dense):
        assert dense.kernel_constraint is dense.bias_constraint is None


def test_weights_start_as_the_paper_says():
    model = ZFNet(variant="zfnet_quarter")
    for layer in model.layers:
        for variable in layer.weights:
            values = variable.numpy()
            if variable.name == "bias":
                assert not values.any()
                continue
            error = 5 / values.size**0.5  # five standard errors
            assert values.std() == pytest.approx(0.01, rel=error)
            assert values.mean() == pytest.approx(0, abs=0.01 * error)


@pytest.mark.parametrize(
    "kernel_initializer",
    ["paper", "he_normal", keras.initializers.GlorotUniform()],
    ids=["paper", "name", "object"],
)
def test_no_two_layers_start_from_the_same_numbers(kernel_initializer):
    model = ZFNet(variant="zfnet_quarter", kernel_initializer=kernel_initializer)
    kernels = [w.numpy().ravel() for w in model.weights if w.name == "kernel"]
    starts = np.stack([kernel[:9000] for kernel in kernels])
    correlation = np.corrcoef(starts) - np.eye(len(starts))
    assert np.abs(correlation).max() < 0.06  # over five standard errors


@pytest.mark.parametrize("policy", [None, "mixed_bfloat16", "mixed_float16"])
def test_the_softmax_is_float32_under_every_policy(policy):
    model = ZFNet(7, (32, 32, 3), "zfnet_quarter", dtype=policy)
    compute = "float32" if policy is None else policy.removeprefix("mixed_")
    for layer in model.layers:
        if layer.name not in ("images", "predictions"):
            assert layer.compute_dtype == compute, layer.name
    assert {w.dtype for w in model.weights} == {"float32"}
    images = np.random.default_rng(0).uniform(-128, 128, (2, 32, 32, 3))
    probabilities = np.array(model(images.astype("float32")))
    assert probabilities.dtype == "float32"
    assert probabilities.shape == (2, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("variant", ["zfnet_quarter", "alexnet_quarter"])
def test_a_saved_network_answers_the_same(variant, tmp_path):
    model = ZFNet(7, variant=variant, kernel_initializer="he_normal")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(-128, 128, (2, 56, 56, 3))
    images = images.astype("float32")
    np.testing.assert_array_equal(loaded(images), model(images))
    assert [layer.name for layer in loaded.layers] == [
        layer.name for layer in model.layers
    ]
    for conv in layers_of(loaded, keras.layers.Conv2D):
        assert isinstance(conv.kernel_constraint, MaxRMS)


@pytest.mark.parametrize(
    ("variant", "shape"),
    [
        ("zfnet", (5, 224, 3)),  # smaller than a filter
        ("zfnet", (30, 30, 3)),  # smaller than the last pool
        ("zfnet_quarter", (56, 8, 3)),
        ("alexnet", (60, 224, 3)),
    ],
)
def test_images_too_small_are_refused(variant, shape):
    with pytest.raises(UsageError, match=rf"too small for {variant}. Received: \("):
        weightless(variant, input_shape=shape)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(
            ("input_shape", shape)
            for shape in ((56, 56), (None, None, 3), 56, (56.0, 56.0, 3), (56, 56, 0))
        ),
        *(("num_classes", number) for number in (0, -3, 2.5, "10")),
        *(("dropout", share) for share in (1.0, -0.1, None, "0.5", float("nan"))),
        ("variant", "vgg"),
    ],
)
def test_arguments_that_are_none_are_refused(argument, value):
    with pytest.raises(UsageError, match=f"`{argument}` must be ") as caught:
        weightless(**{"variant": "zfnet_quarter", argument: value})
    assert repr(value) in str(caught.value)
