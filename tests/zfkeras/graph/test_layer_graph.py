import keras
import numpy as np
import pytest

from tests.helpers import other_networks
from tests.helpers.deconvnet_networks import nested, resnet_like, small_zfnet
from zfkeras import UsageError, ZFNet
from zfkeras.graph.layer_graph import LayerGraph

SIDE = 12


def convolution(channels, name, strides=1):
    return keras.layers.Conv2D(channels, 3, strides, "same", name=name)


def base():
    image = keras.Input((SIDE, SIDE, 3), name="pixels")
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    x = keras.layers.ReLU(name="relu")(x)
    return keras.Model(image, x, name="base")


def around(inner, *before):
    image = keras.Input((SIDE, SIDE, 3), name="images")
    x = image
    for layer in before:
        x = layer(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(inner(x))
    return keras.Model(image, keras.layers.Dense(2, name="classes")(x), name="outer")


def answers(model, layers, images):
    """The outputs of layers for images, by one model made of their tensors."""
    tensors = LayerGraph(model).tensors(layers)
    assert [*tensors] == [*layers]
    outputs = keras.Model(model.inputs[0], [*tensors.values()])(images)
    return [np.asarray(output) for output in outputs]


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(2, SIDE, SIDE, 3)).astype("f")


def test_calls_stand_in_the_order_they_run():
    model = around(base(), keras.layers.Dropout(0.1, name="drop"))
    calls = LayerGraph(model).calls
    order = "images drop base.pixels base.conv base.relu base mean classes"
    assert [call.path for call in calls] == order.split()
    assert [call.path for call in calls if not call.runs] == [
        "images",
        "base.pixels",
        "base",
    ]
    assert calls[0].outputs == (0,)


@pytest.mark.parametrize("make", [small_zfnet, resnet_like, nested])
def test_each_call_reads_what_earlier_calls_made(make):
    model = make()
    image = keras.Input(model.input_shape[1:])
    model = keras.Model(image, keras.Model(image, model(image) * 2.0)(image + 1.0))
    graph = LayerGraph(model)
    shapes, made = {}, {0}
    for call in graph.calls:
        if call.is_input and call.around:
            assert {*call.outputs} <= made
            continue
        assert {*call.inputs} <= made
        made |= {*call.outputs}
        for number, tensor in zip(call.outputs, call.node.output_tensors, strict=True):
            assert shapes.setdefault(number, tensor.shape) == tensor.shape
    assert {*graph.outputs} <= made
    running = [number for call in graph.calls if call.runs for number in call.outputs]
    assert len(running) == len({*running}) and 0 not in running


def test_nested_models_are_seen_on_what_they_read(images):
    # previously the nested model's own output, which is none of the outer model's
    inner = base()
    middle = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), keras.layers.Rescaling(3.0), inner],
        name="middle",
    )
    model = around(middle, keras.layers.Rescaling(2.0, name="twice"))
    expected = np.asarray(inner(6 * images))
    names = ["middle", "middle.base", "middle.base.relu", "mean", "middle.base.pixels"]
    *maps, mean, pixels = answers(model, names, images)
    for found in maps:
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(mean, expected.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(pixels, 6 * images, rtol=1e-6)


def test_a_nested_model_runs_once_for_all_its_layers():
    # A call for each would run the base model as often.
    model = other_networks.nested(3)
    layers = ["features.stem", "features.block1_pool", "features.out", "features"]
    tensors = LayerGraph(model).tensors(layers)
    parts = {tensors[layer]._keras_history.operation for layer in layers[:3]}
    assert len(parts) == 1
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    features = model.get_layer("features")
    inner = [features.get_layer(name.partition(".")[2]).output for name in layers[:3]]
    expected = keras.Model(features.inputs, inner).predict_on_batch(images)
    found = answers(model, layers, images)
    for mine, theirs in zip(found, [*expected, expected[-1]], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_a_layer_counts_that_other_models_call_too(images):
    # previously Keras could not tell which of its outputs was meant
    inner = base()
    image = keras.Input((SIDE, SIDE, 3))
    x = inner.get_layer("conv")(image * 2.0)
    model = keras.Model(image, keras.layers.Flatten(name="flat")(x))
    found, flat = answers(model, ["conv", "flat"], images)
    expected = np.asarray(inner.get_layer("conv")(2 * images))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(flat, expected.reshape(2, -1), rtol=1e-5)


def test_layers_have_numbers_names_headings_and_fields():
    graph = LayerGraph(ZFNet(4, variant="zfnet_quarter"))
    assert graph.path(5) == graph.path("pool5") == "pool5"
    assert graph.tensor(5) is graph.tensor("pool5")
    assert graph.tensor(5).dtype == "float32"  # the maps, not their argmax
    assert graph.heading(5) == "layer 5 (pool5)"
    assert graph.heading("conv3") == "conv3"
    assert graph.field(5) == graph.endpoints[5].receptive_field
    assert graph.field(graph.tensor("conv1")).size == (7, 7)
    assert graph.lowest_first([7, "conv2", 1]) == [1, "conv2", 7]


def without_3_4():
    return ZFNet(4, variant="zfnet_quarter_without_3_4")


def called_twice():
    image, inner = keras.Input((SIDE, SIDE, 3)), base()
    return keras.Model(image, inner(image) + inner(image * 2.0))


def of_rows():
    image = keras.Input((SIDE, SIDE, 3))
    shape = keras.layers.Reshape((SIDE * SIDE, 3), name="list")
    return keras.Model(image, shape(image))


@pytest.mark.parametrize(
    ("make", "layer", "said"),
    [
        (lambda: around(base()), "conv", "base.conv"),
        (lambda: around(base()), "", "layer of the model"),
        (lambda: around(base()), 5, "such as .*classes"),
        (
            lambda: ZFNet(4, variant="zfnet_quarter_without_3_4"),
            3,
            r"\[1, 2, 5, 6, 7\]",
        ),
        (called_twice, "base", "base@1, base@2"),
        (called_twice, "base.conv", r"base@1.conv, base@2.conv"),
        (called_twice, "base@3", "base@1"),
        (of_rows, "list", r"\(batch, height"),
        (small_zfnet, None, "number, 1 to 7"),
        (small_zfnet, 3.0, "number, 1 to 7"),
        (small_zfnet, ("conv3",), "number, 1 to 7"),
    ],
)
def test_what_is_no_single_layer_is_refused(make, layer, said):
    with pytest.raises(UsageError, match=said) as error:
        LayerGraph(make()).tensor(layer)
    assert error.value.argument == "layer"
    assert str(layer) in str(error.value.received)


def test_models_that_are_no_graph_are_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    for model in (Own(), keras.Sequential([keras.layers.Dense(2)]), object()):
        with pytest.raises(UsageError) as error:
            LayerGraph(model)
        assert error.value.argument == "model"
        assert error.value.received == type(model).__name__


def stages_of(model):
    return [[call.path for call in stage] for stage in LayerGraph(model).stages]


def test_a_stage_holds_what_is_behind_its_first_convolution():
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(2),
            keras.layers.ZeroPadding2D(name="pad"),
            convolution(4, "a1"),
            convolution(4, "a2"),
            keras.layers.MaxPooling2D(name="a3"),
            convolution(6, "b1"),
            keras.layers.BatchNormalization(name="b2"),
            keras.layers.GlobalAveragePooling2D(name="mean"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(5, name="hidden"),
            keras.layers.ReLU(name="relu"),
            keras.layers.Dense(3, name="answer"),
        ]
    )
    assert stages_of(model) == [
        ["a1", "a2", "a3"],
        ["b1", "b2"],
        ["mean"],
        ["hidden", "relu"],
        ["answer"],
    ]


def test_each_call_of_a_shared_layer_has_a_name(images):
    model, inner = called_twice(), base()
    inner.set_weights(model.get_layer("base").get_weights())
    names = ["base@1.relu", "base@2", "base@2.conv"]
    once, twice, maps = answers(model, names, images)
    np.testing.assert_allclose(once, inner(images), rtol=1e-5)
    np.testing.assert_allclose(twice, inner(2 * images), rtol=1e-5)
    np.testing.assert_allclose(np.maximum(maps, 0), twice, rtol=1e-5)


def test_each_call_of_a_shared_layer_has_its_field():
    image, layer = keras.Input((SIDE, SIDE, 3)), convolution(3, "conv")
    graph = LayerGraph(keras.Model(image, layer(layer(image))))
    assert [graph.field(f"conv@{n}").size for n in (1, 2)] == [(3, 3), (5, 5)]
    assert graph.usual_layers() == ["conv@2"]
    assert graph.stand_in(1) == "conv@1"


def test_what_something_goes_past_is_no_end():
    image = keras.Input((32, 32, 3))
    inner = keras.Sequential([keras.Input((32, 32, 3)), convolution(3, "x")], name="in")
    twice = convolution(3, "twice")
    stem = twice(twice(inner(image)))
    side = convolution(4, "side", 2)(stem)
    main = convolution(4, "main2", 1)(convolution(4, "main1", 2)(stem))
    maps = keras.layers.ReLU(name="out")(keras.layers.Add(name="sum")([side, main]))
    assert stages_of(keras.Model(image, maps)) == [
        ["in.x", "twice@1", "twice@2"],
        ["sum", "out"],
    ]


@pytest.mark.parametrize(
    ("make", "usual", "stand_ins"),
    [
        (without_3_4, [1, 2, 5], [1, 5, 7]),
        (
            lambda: ZFNet(2, variant="zfnet_quarter_without_6_7"),
            [1, 2, 3, 4, 5],
            [1, 5, "flatten"],
        ),
        (
            lambda: other_networks.vgg(3),
            ["block1_pool", "block2_pool"],
            ["block1_conv1", "block2_pool", "fc1"],
        ),
        (
            lambda: other_networks.nested(3),
            ["features.block1_pool", "features.out"],
            ["features.stem", "features.out", "gap"],
        ),
        (
            lambda: other_networks.residual(3),
            ["sum1", "sum2"],
            ["stem", "sum2", "gap"],
        ),
    ],
)
def test_layers_that_stand_for_the_papers(make, usual, stand_ins):
    graph = LayerGraph(make())
    assert graph.usual_layers() == usual
    assert [graph.stand_in(number) for number in (1, 5, 7)] == stand_ins


def test_layers_of_single_places_stand_for_nothing():
    image = keras.Input((8, 8, 3))
    low = convolution(3, "low")(image)
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True)(low)
    gate = keras.layers.Conv2D(3, 1, activation="sigmoid", name="gate")(gate)
    high = convolution(3, "high")(keras.layers.Multiply()([low, gate]))
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True)(high)
    classes = keras.layers.Conv2D(3, 1, name="classes")(mean)
    graph = LayerGraph(keras.Model(image, keras.layers.Flatten()(classes)))
    assert [*graph.convolutions] == ["low", "high"]
    assert [graph.stand_in(number) for number in (1, 5)] == ["low", "high"]


def test_usual_layers_are_the_last_maps_of_the_last_stages():
    layers = [keras.Input((64, 64, 3))]
    for block in range(1, 7):
        layers += [
            convolution(2, f"block{block}_conv"),
            keras.layers.MaxPooling2D(name=f"block{block}_pool"),
        ]
    # The last pool leaves one place, which is no map.
    ends = [*(f"block{block}_pool" for block in range(2, 6)), "block6_conv"]
    assert LayerGraph(keras.Sequential(layers)).usual_layers() == ends


def test_without_stages_they_are_the_first_and_the_last_maps():
    image = keras.Input((None, None, 3))
    maps = convolution(2, "two")(convolution(2, "one")(image))
    maps = keras.layers.ReLU(name="three")(maps)
    maps = keras.layers.SpatialDropout2D(0.1)(maps)
    maps = keras.layers.GlobalAveragePooling2D()(maps)
    graph = LayerGraph(keras.Model(image, keras.layers.Dense(3)(maps)))
    assert graph.usual_layers() == ["one", "three"]
    words = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])
    with pytest.raises(UsageError) as error:
        LayerGraph(words).usual_layers()
    assert error.value.argument == "layer"


def test_what_a_layer_depends_on_stands_in_order_and_tells_whether_maxima_are_pooled():
    graph = LayerGraph(small_zfnet())
    below = [operation.name for operation in graph.below("norm1")]
    assert below[1:] == ["conv1", "pool1", "norm1"]
    assert graph.pools_maxima("norm1") and not graph.pools_maxima("conv1")
    assert not LayerGraph(around(base())).pools_maxima("mean")
