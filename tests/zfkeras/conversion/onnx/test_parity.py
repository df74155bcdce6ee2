"""Converted ONNX graphs against onnxruntime, which the tests call themselves."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

import keras
import onnx
from onnx import helper, numpy_helper

from tests.helpers.onnx_models import (
    Graph,
    answers,
    shipped,
    tiny,
    with_random_weights,
)
from zfkeras.conversion.onnx.reader import read_onnx
from zfkeras.conversion.preset import Settings, make_classifier
from zfkeras.graph.endpoints import endpoints

NOTHING = Settings(mean=np.zeros(3, np.float32), channels="rgb")


def converted(model, path, settings=NOTHING):
    onnx.save(model, path)
    network, _ = read_onnx(path)
    return make_classifier(network, settings, {})


def logits(classifier, crops):
    """What stands before the softmax, up to a constant of the softmax."""
    return np.log(np.asarray(classifier.model(crops)))


def assert_same(model, tensor, path, settings=NOTHING, size=30, rtol=1e-5):
    """The graph and its conversion give the same logits for random images."""
    classifier = converted(model, path, settings)
    crops = np.random.default_rng(1).normal(0, 1, (3, size, size, 3)).astype("f")
    theirs = answers(model, crops.transpose(0, 3, 1, 2), tensor)
    theirs = theirs - theirs.mean(axis=1, keepdims=True)
    ours = logits(classifier, crops)
    ours = ours - ours.mean(axis=1, keepdims=True)
    assert np.abs(theirs).max() > 0.05
    assert np.abs(ours - theirs).max() <= rtol * np.abs(theirs).max()
    return classifier


def finished(graph):
    """Adds the classes; returns the model and the name of its logits."""
    graph.dense(10, 5)
    name = graph.tensor
    return graph.add("Softmax", axis=-1).model(), name


@pytest.mark.parametrize(
    ("name", "tensor"), [("light_zfnet512", "r20"), ("light_bvlc_alexnet", "r24")]
)
@pytest.mark.slow
def test_the_zoos_graphs_with_random_weights_agree(name, tensor, tmp_path):
    model = with_random_weights(shipped(name))
    settings = Settings(mean=np.float32([104, 117, 123]))
    classifier = converted(model, tmp_path / "model.onnx", settings)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 256, 256, 3), dtype=np.uint8)
    crops = images[:, 16:240, 16:240]
    blue_first = crops.transpose(0, 3, 1, 2)[:, ::-1].astype(np.float32)
    fed = blue_first - np.float32([104, 117, 123])[:, None, None]
    theirs = answers(model, fed, tensor)
    assert theirs.std() > 1
    # The classifier's own crops, and what stands before its softmax.
    model = classifier.model
    own = np.stack([classifier.preprocessing.centre_crop(image) for image in images])
    predictions = model.get_layer("predictions")
    features = keras.Model(model.input, predictions.input)(own)
    kernel, bias = predictions.get_weights()
    ours = np.asarray(features, np.float64) @ kernel + bias
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()
    apart = np.exp(theirs - theirs.max(axis=1, keepdims=True).astype(float))
    probabilities = apart / apart.sum(axis=1, keepdims=True)
    assert np.abs(classifier.predict(images) - probabilities).max() <= 5e-4


@pytest.mark.slow
def test_zfnet512_has_our_layers_and_names(tmp_path):
    model = converted(shipped("light_zfnet512"), tmp_path / "zfnet512.onnx").model
    assert model.name == "zfnet512"
    assert model.count_params() == 87_250_536
    names = [layer.name for layer in model.layers]
    expected = "images conv1 norm1 pool1 conv2 norm2 pool2 conv3 conv4 conv5 pool5"
    assert names == [*expected.split(), "flatten", "fc6", "fc7", "predictions"]
    assert type(model.get_layer("pool1")).__name__ == "MaxPoolWithArgmax"
    norm = model.get_layer("norm1")
    # The file says 5e-4, which ONNX divides by the size 5.
    assert (norm.depth_radius, norm.bias, norm.beta) == (2, 2.0, 0.75)
    assert norm.alpha == pytest.approx(1e-4, rel=1e-6)
    ends = endpoints(model)
    channels = {number: end.channels for number, end in ends.items()}
    assert channels == {1: 96, 2: 256, 3: 512, 4: 512, 5: 512, 6: 4096, 7: 1024}
    assert ends[1].layer_name == "pool1"
    assert ends[5].stride == (32, 32)


CONVOLUTIONS = [
    {"strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"strides": [3, 2], "pads": [2, 1, 0, 1]},
    {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
    {"auto_pad": "VALID"},
]
POOLS = [
    {"strides": [2, 2], "ceil_mode": 1},
    {"strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1},
    {"strides": [3, 2], "pads": [1, 0, 0, 1]},
    {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
    {"kernel_shape": [2, 3]},
]


@pytest.mark.parametrize(
    ("convolution", "pool"),
    [*((one, None) for one in CONVOLUTIONS), *(({}, one) for one in POOLS)],
)
@pytest.mark.parametrize("size", [16, 17])
def test_paddings_agree(convolution, pool, size, tmp_path):
    graph = Graph(size).conv(3, 6, 5, **convolution).add("Relu")
    if pool is not None:
        graph.add("MaxPool", **{"kernel_shape": [3, 3], **pool})
    inputs = shape_of(graph, size)
    # The maps are not square in channels: channel by channel is not row by row.
    graph.add("Reshape", np.array([1, -1])).dense(inputs, 10).add("Relu")
    assert_same(*finished(graph), tmp_path / "model.onnx", size=size)


def viewed(graph, computed):
    """Adds PyTorch's x.view(x.size(0), -1), as its two exporters write it."""
    tensor = graph.tensor
    if computed == "shape":
        nodes = [helper.make_node("Shape", [tensor], ["batch"], end=1)]
    else:
        graph.weights.append(numpy_helper.from_array(np.int64(0), "first"))
        graph.weights.append(numpy_helper.from_array(np.int64([0]), "axes"))
        nodes = [
            helper.make_node("Shape", [tensor], ["shape"]),
            helper.make_node("Gather", ["shape", "first"], ["size"]),
            helper.make_node("Unsqueeze", ["size", "axes"], ["batch"]),
        ]
    graph.weights.append(numpy_helper.from_array(np.int64([-1]), "rest"))
    nodes.append(helper.make_node("Concat", ["batch", "rest"], ["view"], axis=0))
    nodes.append(helper.make_node("Reshape", [tensor, "view"], ["flat"]))
    graph.nodes += nodes
    graph.tensor = "flat"
    return graph


@pytest.mark.parametrize("computed", ["size", "shape"])
def test_pytorchs_alexnet_ends_with_a_pool_of_1_and_a_view(computed, tmp_path):
    graph = Graph(16, batch="batch").conv(3, 6, 5).add("Relu")
    graph.add("AveragePool", kernel_shape=[1, 1], strides=[1, 1])
    inputs = shape_of(graph, 16)
    model, name = finished(viewed(graph, computed).dense(inputs, 10).add("Relu"))
    model.opset_import[0].version = 15  # from which Shape has an end
    assert_same(model, name, tmp_path / "model.onnx", size=16)


def shape_of(graph, size):
    """How many numbers the graph's last maps have, by onnxruntime."""
    return answers(
        graph.model(), np.zeros((1, 3, size, size), np.float32), graph.tensor
    ).size


def every_kind():
    """A chain with every kind of node, in ways of its own; groups, and names."""
    graph = Graph(20).conv(3, 8, 3, name="conv1").add("Relu")
    graph.add("LRN", size=3).add("MaxPool", kernel_shape=[3, 3], strides=[2, 2])
    graph.conv(8, 6, 3, group=2, pads=[1, 1, 1, 1], name="conv5").add("Relu")
    graph.add("Identity").add("Flatten")
    kernel, bias = graph.normal((6 * 8 * 8, 10), 0.1), graph.normal((1, 10), 1)
    graph.add("Gemm", kernel, bias, alpha=0.5, beta=2.0, name="fc7").add("Relu")
    graph.add("Dropout").add("MatMul", graph.normal((10, 5), 0.5))
    return graph.add("Add", graph.normal((5,), 1))


def test_every_kind_of_node_agrees(tmp_path, channels_first):
    graph = every_kind()
    model = assert_same(graph.model(), graph.tensor, tmp_path / "m.onnx", size=20).model
    # The file's names give the numbers; Keras's global data format has no say.
    names = [layer.name for layer in model.layers]
    expected = "images conv1 norm1 pool1 conv5 flatten fc7 dropout7 predictions"
    assert [name for name in names if not name.startswith("pad")] == expected.split()
    assert model.get_layer("dropout7").rate == 0.5
    norm = model.get_layer("norm1")  # ONNX's defaults
    assert norm.alpha == pytest.approx(1e-4 / 3)
    assert (norm.bias, norm.beta) == (1.0, 0.75)


def test_half_precision_weights_are_widened(tmp_path):
    model = every_kind().model()
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    kernel = converted(model, tmp_path / "half.onnx").model.get_layer("conv1").kernel
    wanted = onnx.numpy_helper.to_array(model.graph.initializer[0])
    np.testing.assert_array_equal(np.transpose(kernel, (3, 2, 0, 1)), wanted)


def test_constants_from_nodes_and_files_beside_agree(tmp_path):
    model, tensor = finished(tiny())
    moved = model.graph.initializer[0]
    model.graph.node.insert(
        0, helper.make_node("Constant", [], [moved.name], value=moved)
    )
    model.graph.initializer.remove(moved)
    classifier = assert_same(model, tensor, tmp_path / "model.onnx")
    path = tmp_path / "beside.onnx"
    onnx.save(model, path, save_as_external_data=True, size_threshold=0)
    assert {p.name for p in tmp_path.iterdir()} > {"beside.onnx"}
    network, taps = read_onnx(path)
    again = make_classifier(network, NOTHING, {})
    crops = np.ones((1, 30, 30, 3), np.float32)
    assert (logits(again, crops) == logits(classifier, crops)).all()
    # What onnxruntime is given has the numbers inside.
    images = np.ones((1, 3, 30, 30), np.float32)
    assert answers(taps.model, images, tensor).shape == (1, 5)


def test_preprocessing_in_the_graph_goes_into_the_classifier(tmp_path):
    # As torchvision has it: (x / 255 - mean) / deviation, a factor for each channel.
    mean = np.float32([0.5, 0.4, 0.3])[None, :, None, None]
    deviation = np.float32([0.2, 0.3, 0.4])[None, :, None, None]
    graph = Graph(20).add("Div", np.float32(255)).add("Sub", mean)
    graph.add("Div", deviation).conv(3, 8, 3, pads=[1, 1, 1, 1]).add("Relu")
    graph.add("Flatten").dense(8 * 20 * 20, 10).add("Relu")
    model, _ = finished(graph)
    classifier = converted(model, tmp_path / "m.onnx", Settings(channels="rgb"))
    assert classifier.preprocessing.image_size == 20
    expected = mean[0, :, 0, 0] * 255
    np.testing.assert_allclose(classifier.preprocessing.mean_image[3, 4], expected)
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    planes = image.transpose(2, 0, 1)[None].astype(np.float32)
    theirs = answers(model, planes, graph.tensor)
    np.testing.assert_allclose(classifier.predict(image), theirs, rtol=1e-4)


def test_the_deconvnet_and_the_endpoints_take_what_was_converted(tmp_path):
    from visualize import Deconvnet

    graph = Graph(30).conv(3, 8, 5, strides=[2, 2], pads=[1, 0, 1, 2]).add("Relu")
    graph.add("LRN", size=5, alpha=0.01, beta=0.75, bias=2.0)
    graph.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    graph.conv(8, 6, 3, group=2, pads=[1, 1, 1, 1]).add("Relu")
    graph.add("Flatten").dense(6 * 7 * 7, 10).add("Relu")
    model = assert_same(*finished(graph), tmp_path / "model.onnx").model
    ends = {number: end.layer_name for number, end in endpoints(model).items()}
    assert ends == {1: "pool1", 2: "conv2", 6: "fc6"}
    images = np.random.default_rng(0).normal(0, 1, (2, 30, 30, 3)).astype("f")
    for layer in ("pool1", "conv2"):
        projections = np.asarray(Deconvnet(model).project(images, layer, channel=1))
        assert projections.shape == images.shape
        assert np.isfinite(projections).all()
        assert np.abs(projections).max() > 0
