import keras
import pytest

from zfkeras import UsageError, ZFNet, endpoints
from zfkeras.graph.endpoints import first_output
from zfkeras.models.variants import VARIANTS


def weightless(variant, **kwargs):
    with keras.StatelessScope(initialize_variables=False):
        return ZFNet(variant=variant, **kwargs)


# number: (layer, channels, receptive field, stride), pixels of the 224x224 input
ZFNET = {
    1: ("norm1", 96, 11, 4),
    2: ("norm2", 256, 43, 16),
    3: ("conv3", 384, 75, 16),
    4: ("conv4", 384, 107, 16),
    5: ("pool5", 256, 171, 32),
    6: ("fc6", 4096, 224, 0),
    7: ("fc7", 4096, 224, 0),
}
ALEXNET = {
    1: ("pool1", 96, 19, 8),
    2: ("pool2", 256, 67, 16),
    3: ("conv3", 384, 99, 16),
    4: ("conv4", 384, 131, 16),
    5: ("pool5", 256, 195, 32),
    6: ("fc6", 4096, 224, 0),
    7: ("fc7", 4096, 224, 0),
}


@pytest.mark.parametrize(
    ("variant", "expected"), [("zfnet", ZFNET), ("alexnet", ALEXNET)]
)
def test_names_channels_and_receptive_fields(variant, expected):
    found = {
        number: (end.layer_name, end.channels, end.receptive_field.size, end.stride)
        for number, end in endpoints(weightless(variant)).items()
    }
    assert found == {
        number: (name, channels, (field, field), (stride, stride))
        for number, (name, channels, field, stride) in expected.items()
    }
    assert list(found) == sorted(found)


@pytest.mark.parametrize("number", [6, 7])
def test_layers_6_and_7_see_the_whole_image(number):
    end = endpoints(weightless("zfnet"))[number]
    assert end.receptive_field.box((0, 0)) == (0, 0, 224, 224)


@pytest.mark.parametrize("variant", VARIANTS)
def test_removed_layers_are_missing(variant):
    spec = VARIANTS[variant]
    ends = endpoints(weightless(variant))
    assert list(ends) == [*spec.stages, *spec.fully_connected]
    for number, end in ends.items():
        assert end.number == number
        widths = {n: stage.filters for n, stage in spec.stages.items()}
        assert end.channels == {**widths, **spec.fully_connected}[number]


def test_the_tensors_are_outputs_of_the_model():
    model = ZFNet(5, (40, 48, 3), "zfnet_quarter")
    tensors = {n: end.tensor for n, end in endpoints(model).items()}
    features = keras.Model(model.inputs, tensors)(keras.ops.zeros((2, 40, 48, 3)))
    for number, end in endpoints(model).items():
        assert features[number].shape == (2, *end.tensor.shape[1:])


def test_of_a_pool_only_the_maps_are_handed_on():
    model = weightless("zfnet")
    assert first_output(model.get_layer("pool5")).dtype == "float32"
    assert first_output(model.get_layer("fc6")) is model.get_layer("fc6").output


def test_a_model_without_conv1_is_refused():
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 3, name="first")(image))
    with pytest.raises(UsageError, match=r"named conv1.*Received: \[.*'first'\]"):
        endpoints(model)


def network_of(*names, size=32):
    """Layers of the kinds their names say, one behind the other."""
    make = {
        "conv": lambda name: keras.layers.Conv2D(2, 3, padding="same", name=name),
        "pool": lambda name: keras.layers.MaxPooling2D(2, name=name),
        "norm": lambda name: keras.layers.BatchNormalization(name=name),
        "dept": lambda name: keras.layers.DepthwiseConv2D(3, name=name),
        "flat": lambda name: keras.layers.Flatten(name=name),
    }
    layers = [
        make.get(name[:4], lambda name: keras.layers.Dense(2, name=name))(name)
        for name in names
    ]
    return keras.Sequential([keras.Input((size, size, 3)), *layers])


@pytest.mark.parametrize(
    "names",
    [
        # previously {1: fc1, 2: fc2}
        ("conv1", "pool1", "conv2", "pool2", "flatten", "fc1", "fc2", "classes"),
        # previously {1: conv1}, as of Keras's MobileNet
        ("conv1", "depthwise", "convolution", "flatten", "predictions"),
        # previously {1: conv1, 2: conv2, 6: conv6}
        ("conv1", "conv2", "conv6", "flatten", "predictions"),
        ("conv1", "conv2", "conv7", "flatten", "fc6", "fc7", "predictions"),
        ("conv1", "conv3", "conv2", "flatten", "predictions"),
        ("conv1", "conv2", "pool1", "flatten", "predictions"),
        ("conv1", "pool2", "flatten", "predictions"),
        ("conv1", "flatten", "fc7", "fc6", "predictions"),
        ("conv1", "flatten", "hidden", "predictions"),
    ],
)
def test_networks_that_only_have_such_names_are_refused(names):
    with pytest.raises(UsageError, match=r"as ZFNet makes them.*Received: \['conv1'"):
        endpoints(network_of(*names))


@pytest.mark.parametrize("no_model", [None, "quarter"])
def test_what_is_no_model_is_refused(no_model):
    # previously an AttributeError, also for what zfkeras.load gives
    message = rf"`classifier\.model`\. Received: {type(no_model).__name__}\."
    with pytest.raises(UsageError, match=message):
        endpoints(no_model)


def test_zfnet_inside_another_model_is_refused():
    inner = network_of("conv1", "pool1", "flatten", "predictions")
    image = keras.Input((32, 32, 3))
    outer = keras.Model(image, inner(keras.layers.Rescaling(2.0)(image)))
    with pytest.raises(UsageError, match="named conv1"):
        endpoints(outer)


def test_pools_norms_and_dropout_between_them_and_another_head_are_let_be():
    names = ("conv1", "norm1", "pool1", "conv2", "norm", "pool5x", "flatten", "fc6")
    ends = endpoints(network_of(*names, "ten_classes"))
    assert {number: end.layer_name for number, end in ends.items()} == {
        1: "pool1",
        2: "conv2",
        6: "fc6",
    }


def test_a_model_of_unknown_size_is_refused():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 3, name="conv1")(image))
    with pytest.raises(UsageError, match="input size must be known"):
        endpoints(model)
