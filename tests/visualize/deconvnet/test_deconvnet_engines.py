import keras
import numpy as np
import pytest

from tests.helpers.deconvnet_networks import (
    chain,
    flattened,
    nested,
    resnet_like,
    small_zfnet,
    vgg_like,
)
from tests.helpers.projections import (
    assert_close,
    assert_engines_agree,
    by_reference,
    maps_of,
    random_images,
    shake,
)
from visualize import Deconvnet
from zfkeras import ZFNet

METHODS = ["deconvnet", "guided", "gradient"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["conv1", "norm1", "pool2", "predictions"])
def test_engines_agree_on_every_kind_of_layer(method, path):
    images = random_images((4, 31, 37, 3), scale=3)
    assert_engines_agree(small_zfnet(), images, path, method, channel=[0, 1, 2, 3])


@pytest.mark.parametrize(
    "path, position", [("conv2", None), ("conv2", (1, 2)), ("fc6", None)]
)
def test_channels_that_are_asked_for_twice_and_in_any_order(path, position):
    # Only these channels of the last filters are computed.
    model, images = small_zfnet(), random_images((2, 31, 37, 3), scale=3)
    channel, image = [7, 2, 7, 0, 2], [0, 1, 1, 0, 1]
    found = Deconvnet(model).project_units(images, path, channel, position, image=image)
    assert found.channels.tolist() == channel
    maps = maps_of(model, images[image], path)
    strongest = [one[..., of].max() for one, of in zip(maps, channel, strict=True)]
    if position is None:
        np.testing.assert_allclose(found.activations, strongest, rtol=1e-4, atol=1e-6)
    assert_close(found.reconstructions, by_reference(model, images[image], found, path))


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


@pytest.mark.parametrize("path", ["last", "middle", "middle.low", "middle.inner.deep"])
def test_engines_agree_on_nested_models(path):
    model, images = nested(), random_images((2, 24, 24, 3), scale=3)
    found = Deconvnet(model).project_units(images, path, 1)
    # The reference finds tensors of the outer model; by hand for the inner ones.
    flat = flattened(model)
    wanted = by_reference(flat, images, found, path.split(".")[-1])
    assert_close(found.reconstructions, wanted)


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


@pytest.mark.parametrize(
    "seed",
    [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 11))],
)
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
