"""Caffe's files, written by the tests themselves, against SciPy."""

import numpy as np
import pytest

from tests.helpers.caffe_files import Tiny, blob, field, layer, message, net, varint
from zfkeras.conversion.caffe.reader import read_caffe, read_mean
from zfkeras.conversion.preset import Settings, make_classifier
from zfkeras.errors import UsageError

MEAN = np.float32([104, 117, 123])
DEPLOY = """
name: "tiny"  # as deployed
input: "data"
input_dim: 1 input_dim: 3
input_dim: 31
input_dim: 31
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 8 pad: 1 kernel_size: 7 stride: 2
    weight_filler { type: "gaussian" std: 0.01 } }
}
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: 'pool1' type: 'Pooling' bottom: 'conv1' top: 'pool1'
        pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "norm1" type: "LRN" bottom: "pool1" top: "norm1"
        lrn_param { local_size: 5 alpha: 0.5 beta: 0.75
                    norm_region: ACROSS_CHANNELS } }
layer { name: "conv2" type: "Convolution" bottom: "norm1" top: "conv2"
        convolution_param { num_output: 6 pad: [1, 1]; kernel_h: 3, kernel_w: 3,
                            group: 2 } }
layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "conv2" }
layer { name: "fc6" type: "InnerProduct" bottom: "conv2" top: "fc6"
        inner_product_param { num_output: 10 bias_term: true } }
layer { name: "relu6" type: "ReLU" bottom: "fc6" top: "fc6" }
layer { name: "drop6" type: "Dropout" bottom: "fc6" top: "fc6"
        dropout_param { dropout_ratio: 0.4 } }
layer { name: "fc8" type: "InnerProduct" bottom: "fc6" top: "fc8"
        inner_product_param: { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "fc8" top: "prob" }
"""
INPUT = [(3, "data"), (8, message((1, b"".join(map(varint, (1, 3, 31, 31))))))]


@pytest.fixture
def read(tmp_path):
    def read(content, prototxt=None):
        path = tmp_path / "zf.caffemodel"
        path.write_bytes(content)
        if prototxt is None:
            return read_caffe(path)
        (tmp_path / "zf.prototxt").write_text(prototxt)
        return read_caffe(path, tmp_path / "zf.prototxt")

    return read


def images(number=3):
    random = np.random.default_rng(5)
    return random.integers(0, 256, (number, 35, 35, 3), dtype=np.uint8)


def expected(tiny, squares):
    """What Caffe answers to RGB images: the centre, blue first, less the mean."""
    answers = []
    for square in squares:
        crop = square[2:33, 2:33, ::-1].transpose(2, 0, 1).astype(float)
        logits = tiny.logits((crop - MEAN[:, None, None].astype(float)) / 64)
        answers.append(
            np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        )
    return np.array(answers)


def assert_answers(network, tiny):
    settings = Settings(mean=MEAN, image_size=35, scale=[1 / 64])
    classifier = make_classifier(network, settings, {})
    wanted = expected(tiny, images())
    assert wanted.std() > 0.02
    np.testing.assert_allclose(classifier.predict(images()), wanted, rtol=1e-4)
    return classifier


@pytest.mark.parametrize("old", [False, True])
def test_a_network_answers_as_caffe_would(read, old):
    tiny = Tiny()
    fields = [(3, "data")] + [(4, n) for n in (1, 3, 31, 31)] if old else INPUT
    classifier = assert_answers(read(net(tiny.layers(old), old, fields)), tiny)
    names = [one.name for one in classifier.model.layers]
    assert names == (
        "images pad1 conv1 pool1 norm1 conv2 flatten fc6 dropout6 predictions".split()
    )
    assert classifier.model.get_layer("dropout6").rate == pytest.approx(0.4)
    assert classifier.model.get_layer("norm1").alpha == pytest.approx(0.1)
    assert classifier.model.get_layer("norm1").bias == 1.0


def test_a_prototxt_says_the_layers_and_the_model_their_weights(read):
    tiny = Tiny()
    assert_answers(read(net(tiny.layers()), DEPLOY), tiny)
    with pytest.raises(UsageError, match="'other' must have 2 blobs of weights"):
        read(net(tiny.layers()), DEPLOY.replace('name: "conv2"', 'name: "other"'))
    with pytest.raises(UsageError, match="--crop-size"):
        make_classifier(read(net(tiny.layers())), Settings(mean=MEAN), {})


def test_a_snapshot_of_training_says_mean_and_crop_itself(read):
    tiny = Tiny()
    transform = message((1, 1 / 64), (3, 31), *[(5, float(v)) for v in MEAN])
    data = layer("Data", "data", [], ["data", "label"], more=[(100, transform)])
    split = layer("Split", "split", ["label"], ["label_0", "label_1"])
    fork = layer("Split", "fc8_split", ["fc8"], ["fc8_0", "fc8_1"])
    loss = layer("SoftmaxWithLoss", "loss", ["fc8_0", "label_0"], ["loss"])
    accuracy = layer("Accuracy", "accuracy", ["fc8_1", "label_1"], ["accuracy"])
    layers = [data, split, *tiny.layers()[:-1], fork, accuracy, loss]
    network = read(net(layers))
    assert network.crop_size == 31
    np.testing.assert_array_equal(network.mean, MEAN)
    classifier = make_classifier(network, Settings(image_size=35), {})
    answers = classifier.predict(images())
    np.testing.assert_allclose(answers, expected(tiny, images()), rtol=1e-4)


def test_mean_images_of_every_form_are_read_and_turned_to_rgb(read, tmp_path):
    mean = np.arange(3 * 35 * 35, dtype=np.float32).reshape(3, 35, 35) / 20
    unpacked = b"".join(field(5, float(v)) for v in mean.ravel())
    for name, content in {
        "packed": blob(mean),
        "old": blob(mean, "old"),
        "double": blob(mean, "double"),
        "unpacked": unpacked + message((2, 3), (3, 35), (4, 35), (1, 1)),
    }.items():
        path = tmp_path / f"{name}.binaryproto"
        path.write_bytes(content)
        np.testing.assert_array_equal(read_mean(path), mean)
    np.save(tmp_path / "mean.npy", mean.astype(np.float64))
    np.testing.assert_array_equal(read_mean(tmp_path / "mean.npy"), mean)
    network = read(net(Tiny().layers(), fields=INPUT))
    prepared = make_classifier(network, Settings(mean=mean), {}).preprocessing
    assert (prepared.image_size, prepared.crop_size) == (35, 31)
    np.testing.assert_array_equal(prepared.mean_image[4, 5], mean[::-1, 4, 5])


@pytest.mark.parametrize("array", [np.array([{}]), np.zeros((4, 4, 4))])
def test_a_mean_that_is_pickled_or_of_another_shape_is_refused(array, tmp_path):
    np.save(tmp_path / "mean.npy", array, allow_pickle=True)
    with pytest.raises(UsageError, match=r"mean\.npy"):
        read_mean(tmp_path / "mean.npy")


def changed(number, *args, **kwargs):
    """The miniature with another layer in place of one of its own."""
    layers = Tiny().layers()
    layers[number] = layer(*args, **kwargs)
    return net(layers, fields=INPUT)


def changed_convolution(*parameters):
    arrays = [np.zeros((6, 8, 3, 3)), np.zeros(6)]
    names = ["conv2", ["norm1"], ["conv2"]]
    return changed(4, "Convolution", *names, [*parameters], arrays)


WITH_WRONG_SHAPE = net(
    [
        layer.replace(varint(8) + varint(3), varint(9) + varint(3), 1)
        for layer in Tiny().layers()
    ],
    fields=INPUT,
)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", ".caffemodel"),
        (b"no caffemodel", ".caffemodel"),
        (net([], fields=INPUT), "no layers"),
        (net([message((1, message((1, "conv1"))))], old=True), "2014"),
        (changed(1, "Sigmoid", "gate", ["conv1"], ["conv1"]), "Sigmoid layer 'gate'"),
        (changed(1, "ReLU", "leaky", ["conv1"], ["conv1"], [(1, 0.1)]), "'leaky'"),
        (changed(2, "Pooling", "mean", ["conv1"], ["p"], [(1, 1), (2, 3)]), "'mean'"),
        (changed(2, "Pooling", "odd", ["conv1"], ["p"], [(1, 0)]), "kernel_size"),
        (changed(3, "LRN", "within", ["pool1"], ["norm1"], [(4, 1)]), "'within'"),
        (changed(3, "LRN", "skips", ["conv1"], ["norm1"]), "'skips' reads 'conv1'"),
        (changed(4, "Convolution", "c", ["norm1"], ["c"], [(4, 3)]), "'c'"),
        (changed_convolution((4, 3), (18, 2)), "dilated"),
        (changed_convolution((4, 5)), "(5, 5)"),
        (changed_convolution((4, 3), (6, 0)), "stride"),
        (WITH_WRONG_SHAPE, "1176 numbers do not fit a shape of (9, 3"),
        (net(Tiny().layers(), fields=INPUT).replace(b"Conv", b"Con\xa6", 1), ""),
        (net(Tiny().layers(), fields=INPUT)[:-100], ".caffemodel"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_an_error_names_the_file_and_the_layer(read, content, named):
    with pytest.raises(UsageError) as caught:
        read(content)
    assert caught.value.argument.endswith("zf.caffemodel")
    assert named in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "layer {",
        "name: 'x'",
        "layer: 3",
        "layer { type: 'ReLU' name: 3 }",
        "layer { pooling_param { pool: MEDIAN } }",
        "\n\n$",
        "a {" * 20_000,
    ],
    ids=lambda text: text[:20],
)
def test_a_damaged_prototxt_is_refused_in_one_line(read, text):
    with pytest.raises(UsageError) as caught:
        read(net(Tiny().layers()), text)
    assert caught.value.argument.endswith("zf.prototxt")
    assert "\n" not in str(caught.value)
