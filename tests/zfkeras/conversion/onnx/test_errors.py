"""What is no ZFNet-like graph is named; what is hostile is refused."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.helpers.onnx_models import Graph, tiny
from zfkeras.conversion.onnx.file import MAX_ELEMENTS
from zfkeras.conversion.onnx.reader import read_onnx
from zfkeras.conversion.preset import Settings, make_classifier
from zfkeras.errors import UsageError

NOTHING = Settings(mean=np.zeros(3, np.float32))


@pytest.fixture
def refusal(tmp_path):
    """What is said of a model, from reading its file to building it."""

    def refusal(model, settings=NOTHING):
        path = tmp_path / "model.onnx"
        if isinstance(model, Graph):
            model = model.model()
        path.write_bytes(
            model if isinstance(model, bytes) else model.SerializeToString()
        )
        with pytest.raises(UsageError) as caught:
            network, _ = read_onnx(path)
            make_classifier(network, settings, {})
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refusal


def whole():
    return tiny().dense(10, 5).add("Softmax").model()


def stage(size=9):
    """A convolution with its ReLU; flattened, 196 numbers of images of 9 pixels."""
    return Graph(size).conv(3, 4, 3).add("Relu")


@pytest.mark.parametrize(
    "content", [b"", b"no ONNX", bytes(100), whole().SerializeToString()[:-100]]
)
def test_what_is_not_onnx_is_said(refusal, content):
    assert "is not an ONNX file" in refusal(content)


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (tiny().add("Sigmoid", name="gate"), "Sigmoid node 'gate' is no operation"),
        (
            stage().add("AveragePool", kernel_shape=[2, 2], name="mean"),
            "AveragePool node 'mean' averages (2, 2)",
        ),
        (
            Graph(9).conv(3, 4, 3, name="first").add("Flatten").dense(196, 5),
            "Conv node 'first' (first_0) is not followed by a ReLU",
        ),
        (stage(), "no convolution or no dense layer"),
        (
            tiny().dense(10, 10).add("Relu").dense(10, 9).add("Relu", name="late"),
            "Relu node 'late' follows the classes",
        ),
        (
            tiny()
            .dense(10, 10)
            .add("Relu")
            .dense(10, 9, name="third")
            .add("Relu")
            .dense(9, 5),
            "Gemm node 'third' (third_0) is one too many",
        ),
        (
            Graph(9).conv(3, 4, 3, dilations=[2, 2], name="wide"),
            "Conv node 'wide' (wide_0) must not be dilated",
        ),
        (
            stage().add("Flatten").dense(77, 5, name="fc"),
            "Gemm node 'fc' (fc_0) takes 77 inputs, but gets 196",
        ),
        (
            stage().conv(7, 4, 3, name="odd").add("Relu").add("Flatten").dense(100, 5),
            "Conv node 'odd' (odd_0) takes 7 channels in 1 groups, but gets 4",
        ),
        (
            Graph(9).conv(3, 4, 11, name="big").add("Relu").add("Flatten").dense(9, 5),
            "Conv node 'big' (big_0) has windows of 11x11, which do not fit",
        ),
        (
            stage().add("LRN", size=4, name="even").add("Flatten").dense(196, 5),
            "LRN node 'even' must have an odd size",
        ),
        (
            stage().add("Mul", np.float32(2), name="times"),
            "Mul node 'times' (times_0) must stand before the first convolution",
        ),
        (
            Graph(9).add("Mul", np.zeros((9, 9), np.float32), name="m").conv(3, 4, 3),
            "Mul node 'm' (m_0) must scale by a number",
        ),
    ],
    ids=lambda value: value.split(" ")[0] if isinstance(value, str) else "",
)
def test_what_is_no_such_chain_names_the_node(refusal, graph, expected):
    assert expected in refusal(graph)


def with_branch(model):
    node = helper.make_node("Relu", ["n1_out"], ["elsewhere"], "branch")
    model.graph.node.append(node)


def with_two_inputs(model):
    value = helper.make_tensor_value_info("other", TensorProto.FLOAT, [1, 3, 9, 9])
    model.graph.input.append(value)


def with_short_weights(model):
    tensor = model.graph.initializer[0]
    tensor.raw_data = tensor.raw_data[:-4]


def with_nan(model):
    values = numpy_helper.to_array(model.graph.initializer[2]).copy()
    values.flat[0] = np.nan
    model.graph.initializer[2].CopyFrom(numpy_helper.from_array(values, "n4_0"))


def quantised(model):
    tensor = model.graph.initializer[0]
    values = np.zeros(tuple(tensor.dims), np.int8)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def monstrous(model):
    moved = model.graph.initializer[0]
    shape = numpy_helper.from_array(np.array([2**40, 3, 5, 5]), "shape")
    node = helper.make_node("ConstantOfShape", ["shape"], [moved.name])
    model.graph.initializer.remove(moved)
    model.graph.initializer.append(shape)
    model.graph.node.insert(0, node)


def made_of(*inputs):
    def change(model):
        model.graph.node[0].input[1] = "loop"
        node = helper.make_node("Identity", [*inputs], ["loop"])
        model.graph.node.insert(0, node)

    return change


def external(location, **entries):
    """Says of the first convolution's weights that they lie in another file."""

    def change(model):
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **entries}.items():
            tensor.external_data.add(key=key, value=str(value))

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (with_branch, "Relu node 'branch' is a second reader of 'n1_out'"),
        (with_two_inputs, "must have one input. Received: ['images', 'other']"),
        (with_short_weights, "(n0_0): 'n0_0' does not hold as many numbers"),
        (with_nan, "Conv node 'n4' (n4_0) has weights that are not finite"),
        (quantised, "'n0_0' must be float or int64 numbers. Received: int8"),
        (monstrous, f"must have at most {MAX_ELEMENTS:,} numbers"),  # before it is made
        (made_of(), "'loop'"),
        (made_of("loop"), "'loop'"),
        # The onnx package refuses these; they must not be read.
        (external("/etc/passwd"), "/etc/passwd"),
        (external("../secret"), "'../secret' points outside"),
        (external("link"), "symbolic link"),
        (external("nowhere.bin"), "nowhere.bin"),
        (external("long.bin", offset=9_000), "n0_0"),
    ],
)
def test_a_graph_that_is_wrong_or_hostile_is_named(refusal, tmp_path, change, expected):
    (tmp_path.parent / "secret").write_bytes(bytes(10_000))
    (tmp_path / "long.bin").write_bytes(bytes(10_000))
    (tmp_path / "link").symlink_to(tmp_path.parent / "secret")
    model = whole()
    change(model)
    assert expected in refusal(model)


@pytest.mark.parametrize("card", ["[1]", "{"])
def test_a_card_that_is_none_of_ours_says_nothing(tmp_path, card):
    model = whole()
    helper.set_model_props(model, {"zfkeras": card})
    onnx.save(model, tmp_path / "model.onnx")
    network, _ = read_onnx(tmp_path / "model.onnx")
    assert (network.class_names, network.is_rgb) == (None, False)


def test_a_mean_must_be_known(refusal):
    assert "--mean must be given" in refusal(whole(), Settings())
