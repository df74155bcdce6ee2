"""What is no ZFNet-like graph is named; what is hostile is refused."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="requirements-onnx.txt is not installed")

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


def whole(**changes):
    return tiny().dense(10, 5).add("Softmax").model(**changes)


@pytest.mark.parametrize(
    "content", [b"", b"no ONNX", bytes(100), whole().SerializeToString()[:-100]]
)
def test_what_is_not_onnx_is_said(refusal, content):
    assert "is not an ONNX file" in refusal(content)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx"):
        read_onnx(tmp_path / "nowhere.onnx")


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (tiny().add("Sigmoid", name="gate"), "Sigmoid node 'gate' is no operation"),
        (
            Graph(9).conv(3, 4, 3, name="first").add("Flatten").dense(196, 5),
            "Conv node 'first' (first_0) is not followed by a ReLU",
        ),
        (
            Graph(9).add("Relu", name="early").conv(3, 4, 3),
            "Relu node 'early' must be a convolution of three channels",
        ),
        (Graph(9).conv(3, 4, 3).add("Relu"), "no convolution or no dense layer"),
        (
            Graph(9)
            .conv(3, 4, 3)
            .add("Relu")
            .add("LRN", size=3)
            .add("LRN", size=3, name="twice")
            .add("Flatten")
            .dense(196, 5),
            "LRN node 'twice' is a second one",
        ),
        (
            tiny().dense(10, 10).add("Relu").dense(10, 9, name="third").add("Relu"),
            "Relu node 'n12' follows the classes",
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
            tiny().add("Softmax", name="ends").dense(10, 5),
            "Softmax node 'ends'",
        ),
        (
            Graph(9).conv(3, 4, 3, dilations=[2, 2], name="wide"),
            "Conv node 'wide' (wide_0) must not be dilated",
        ),
        (
            Graph(9).conv(3, 4, 3).add("Relu").add("Flatten", axis=2, name="flat"),
            "Flatten node 'flat' must flatten behind the batch",
        ),
        (
            Graph(9).conv(3, 4, 3).add("Relu").add("Flatten").dense(77, 5, name="fc"),
            "Gemm node 'fc' (fc_0) takes 77 inputs, but gets 196",
        ),
        (
            Graph(9)
            .conv(3, 4, 3)
            .add("Relu")
            .conv(7, 4, 3, name="odd")
            .add("Relu")
            .add("Flatten")
            .dense(100, 5),
            "Conv node 'odd' (odd_0) takes 7 channels in 1 groups, but gets 4",
        ),
        (
            Graph(9)
            .conv(3, 4, 11, name="large")
            .add("Relu")
            .add("Flatten")
            .dense(9, 5),
            "Conv node 'large' (large_0) has windows of 11x11, which do not fit",
        ),
        (
            Graph(9)
            .conv(3, 4, 3)
            .add("Relu")
            .add("LRN", size=4, name="even")
            .add("Flatten")
            .dense(196, 5),
            "LRN node 'even' must have an odd size",
        ),
        (
            Graph(9).conv(3, 4, 3).add("Relu").add("Mul", np.float32(2), name="times"),
            "Mul node 'times' (times_0) must stand before the first convolution",
        ),
        (
            Graph(9).add("Mul", np.zeros((9, 9), np.float32), name="m").conv(3, 4, 3),
            "Mul node 'm' (m_0) must scale by a number",
        ),
        (
            Graph(9).add("Div", np.float32(0), name="d").conv(3, 4, 3),
            "Div node 'd' (d_0) must scale by a number",
        ),
    ],
    ids=lambda value: value.split(" ")[0] if isinstance(value, str) else "",
)
def test_what_is_no_such_chain_names_the_node(refusal, graph, expected):
    assert expected in refusal(graph)


def test_a_branch_is_named(refusal):
    model = whole()
    model.graph.node.append(
        helper.make_node("Relu", ["n1_out"], ["elsewhere"], "branch")
    )
    assert "Relu node 'branch' makes a branch at 'n1_out'" in refusal(model)


def test_two_inputs_are_named(refusal):
    model = whole()
    value = helper.make_tensor_value_info("other", TensorProto.FLOAT, [1, 3, 9, 9])
    model.graph.input.append(value)
    assert "must have one input. Received: ['images', 'other']" in refusal(model)


def test_a_foreign_domain_is_refused(refusal):
    model = whole()
    model.graph.node[0].domain = "com.example"
    assert "is of the unknown domain 'com.example'" in refusal(model)


def test_weights_that_do_not_fit_their_shape_are_named(refusal):
    model = whole()
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]
    message = refusal(model)
    assert "Conv node 'n0' (n0_0): 'n0_0' does not hold as many numbers" in message


def test_weights_that_are_not_finite_are_named(refusal):
    model = whole()
    values = numpy_helper.to_array(model.graph.initializer[2]).copy()
    values.flat[0] = np.nan
    model.graph.initializer[2].CopyFrom(numpy_helper.from_array(values, "n4_0"))
    assert "Conv node 'n4' (n4_0) has weights that are not finite" in refusal(model)


def external(model, location, **entries):
    """Says of the first convolution's weights that they lie in another file."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))
    return model


@pytest.mark.parametrize("location", ["/etc/passwd", "../secret", "a/../../secret"])
def test_weights_outside_the_folder_are_never_read(refusal, tmp_path, location):
    (tmp_path.parent / "secret").write_bytes(bytes(10_000))
    message = refusal(external(whole(), location))
    assert f"must lie in the model's folder {tmp_path.resolve()}" in message
    assert location in message


def test_a_link_out_of_the_folder_is_not_followed(refusal, tmp_path):
    secret = tmp_path.parent / "secret"
    secret.write_bytes(bytes(10_000))
    (tmp_path / "link").symlink_to(secret)
    assert "must lie in the model's folder" in refusal(external(whole(), "link"))


@pytest.mark.parametrize(
    ("location", "entries", "expected"),
    [
        ("", {}, "without a name"),
        ("nowhere.bin", {}, "which is no file"),
        ("long.bin", {"offset": 9_000}, "does not hold as many numbers"),
        ("long.bin", {"length": 3}, "does not hold as many numbers"),
        ("long.bin", {"offset": "x"}, "does not hold as many numbers"),
    ],
)
def test_files_beside_that_do_not_fit_are_named(
    refusal, tmp_path, location, entries, expected
):
    (tmp_path / "long.bin").write_bytes(bytes(10_000))
    assert expected in refusal(external(whole(), location, **entries))


def test_a_constant_of_a_monstrous_shape_is_refused_before_it_is_made(refusal):
    model = whole()
    moved = model.graph.initializer[0]
    shape = numpy_helper.from_array(np.array([2**40, 3, 5, 5]), "shape")
    node = helper.make_node("ConstantOfShape", ["shape"], [moved.name])
    model.graph.initializer.remove(moved)
    model.graph.initializer.append(shape)
    model.graph.node.insert(0, node)
    assert f"must have at most {MAX_ELEMENTS:,} numbers" in refusal(model)


@pytest.mark.parametrize("inputs", [[], ["loop"]])
def test_a_constant_made_of_nothing_or_itself_is_refused(refusal, inputs):
    model = whole()
    model.graph.node[0].input[1] = "loop"
    model.graph.node.insert(0, helper.make_node("Identity", inputs, ["loop"]))
    assert "'loop'" in refusal(model)


def test_weights_that_the_graph_computes_are_refused(refusal):
    model = whole()
    model.graph.node.insert(0, helper.make_node("Neg", ["n0_0"], ["negative"]))
    model.graph.node[1].input[1] = "negative"
    assert "also reads 'negative'" in refusal(model)


def test_quantised_weights_are_named(refusal):
    model = whole()
    tensor = model.graph.initializer[0]
    values = np.zeros(tuple(tensor.dims), np.int8)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    assert "must be float or int64 numbers. Received: INT8" in refusal(model)


@pytest.mark.parametrize("card", ["[1]", "{"])
def test_a_card_that_is_none_of_ours_says_nothing(tmp_path, card):
    model = whole()
    helper.set_model_props(model, {"zfkeras": card})
    onnx.save(model, tmp_path / "model.onnx")
    network, _ = read_onnx(tmp_path / "model.onnx")
    assert (network.class_names, network.is_rgb) == (None, False)


def test_a_mean_must_be_known(refusal):
    assert "--mean must be given" in refusal(whole(), Settings())
