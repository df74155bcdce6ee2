import keras
import pytest

from zfkeras import UsageError, ZFNet, endpoints
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


@pytest.mark.parametrize("variant", VARIANTS)
def test_removed_layers_are_missing(variant):
    spec = VARIANTS[variant]
    ends = endpoints(weightless(variant))
    assert list(ends) == [*spec.stages, *spec.fully_connected]
    for number, end in ends.items():
        assert end.number == number
        widths = {n: stage.filters for n, stage in spec.stages.items()}
        assert end.channels == {**widths, **spec.fully_connected}[number]


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
    assert_refused(network_of(*names), [*names][:8])


def assert_refused(model, received):
    with pytest.raises(UsageError) as error:
        endpoints(model)
    assert error.value.argument == "model"
    assert error.value.received == received


def test_other_models_are_refused():
    inner = network_of("conv1", "pool1", "flatten", "predictions")
    image = keras.Input((32, 32, 3), name="image")
    double = keras.layers.Rescaling(2.0, name="double")
    nested = keras.Model(image, inner(double(image)))
    assert_refused(nested, ["image", "double", inner.name])
    free = keras.Sequential([keras.Input((None, None, 3)), *inner.layers[:1]])
    assert_refused(free, "input shapes=[(None, None, None, 3)]")
    assert_refused(None, "NoneType")
    assert_refused("quarter", "str")


def test_pools_norms_and_dropout_between_them_and_another_head_are_let_be():
    names = ("conv1", "norm1", "pool1", "conv2", "norm", "pool5x", "flatten", "fc6")
    ends = endpoints(network_of(*names, "ten_classes"))
    assert {number: end.layer_name for number, end in ends.items()} == {
        1: "pool1",
        2: "conv2",
        6: "fc6",
    }
