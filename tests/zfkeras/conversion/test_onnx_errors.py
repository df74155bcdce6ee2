"""What is no ZFNet-like graph is named; what is hostile is refused."""

import itertools
import json

import numpy as np
import pytest

pytest.importorskip("onnx", reason="requirements-onnx.txt is not installed")

import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.helpers.onnx_models import Graph, tiny
from zfkeras.conversion.onnx_file import MAX_ELEMENTS
from zfkeras.conversion.onnx_reader import read_onnx
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
    "content", [b"", b"no ONNX", b"\x80" * 40, b'{"a": 1}', bytes(100)]
)
def test_what_is_not_onnx_is_said(refusal, content):
    assert "is not an ONNX file" in refusal(content)


def test_a_file_that_is_cut_short_is_refused_wherever_it_is_cut(refusal):
    content = whole().SerializeToString()
    for part in np.linspace(0, len(content) - 1, 40).astype(int):
        assert refusal(content[:part])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx"):
        read_onnx(tmp_path / "nowhere.onnx")


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (tiny().add("Sigmoid", name="gate"), "Sigmoid node 'gate' is no operation"),
        (tiny().add("Relu", name="again").dense(10, 5), "Relu node 'again'"),
        (
            Graph(9).conv(3, 4, 3, name="first").add("Sigmoid", name="odd"),
            "Sigmoid node 'odd' is no operation",
        ),
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
            Graph(9).conv(3, 4, 3).add("Relu").conv(7, 4, 3, name="odd").add("Relu"),
            "no convolution or no dense layer",
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


def test_a_sixth_convolution_is_one_too_many(refusal):
    graph = Graph(9)
    for number in range(1, 7):
        graph.conv(3, 3, 1, name=f"conv{number}").add("Relu")
    message = refusal(graph.add("Flatten").dense(243, 5))
    assert "Conv node 'conv6' (conv6_0) is one too many" in message


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


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(refusal, number):
    model = whole()
    values = numpy_helper.to_array(model.graph.initializer[2]).copy()
    values.flat[0] = number
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
        ("short.bin", {}, "does not hold as many numbers"),
        ("long.bin", {"offset": 9_000}, "does not hold as many numbers"),
        ("long.bin", {"offset": -1}, "does not hold as many numbers"),
        ("long.bin", {"length": 3}, "does not hold as many numbers"),
        ("long.bin", {"offset": "x"}, "does not hold as many numbers"),
    ],
)
def test_files_beside_that_do_not_fit_are_named(
    refusal, tmp_path, location, entries, expected
):
    (tmp_path / "short.bin").write_bytes(bytes(10))
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


def through(model, kind, number):
    """Weights behind a chain of so many nodes."""
    moved = model.graph.initializer[0]
    names = [moved.name, *(f"chain{n}" for n in range(number))]
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == moved.name:
                node.input[place] = names[-1]
    for n, pair in enumerate(itertools.pairwise(names)):
        model.graph.node.insert(n, helper.make_node(kind, pair[:1], pair[1:]))
    return model


def test_a_long_chain_of_constants_is_followed(tmp_path):
    # Previously a RecursionError.
    onnx.save(whole(), tmp_path / "plain.onnx")
    onnx.save(through(whole(), "Identity", 2000), tmp_path / "chain.onnx")
    plain, found = (read_onnx(tmp_path / f"{n}.onnx")[0] for n in ("plain", "chain"))
    wanted = plain.operations[0].kernel
    np.testing.assert_array_equal(found.operations[0].kernel, wanted)


def test_a_long_chain_of_shapes_is_refused_in_one_line(refusal):
    # Previously a RecursionError.
    assert "model.onnx is damaged" in refusal(through(whole(), "ConstantOfShape", 2000))


@pytest.mark.parametrize("inputs", [[], [""], ["loop"], ["n0_0", "n0_1"]])
def test_a_constant_made_of_nothing_or_itself_is_refused(refusal, inputs):
    model = whole()
    model.graph.node[0].input[1] = "loop"
    model.graph.node.insert(0, helper.make_node("Identity", inputs, ["loop"]))
    assert "'loop'" in refusal(model)


def test_a_name_that_is_given_again_leads_to_no_endless_loop(tmp_path):
    model = through(whole(), "Identity", 1)
    model.graph.node.insert(1, helper.make_node("Identity", ["chain0"], ["chain0"]))
    onnx.save(model, tmp_path / "model.onnx")
    kernel = read_onnx(tmp_path / "model.onnx")[0].operations[0].kernel
    wanted = numpy_helper.to_array(model.graph.initializer[0])
    np.testing.assert_array_equal(kernel, wanted.transpose(2, 3, 1, 0))


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


@pytest.mark.parametrize("card", ["[1]", "{", '{"class_names": 3}', "null"])
def test_a_card_that_is_none_of_ours_says_nothing(tmp_path, card):
    model = whole()
    helper.set_model_props(model, {"zfkeras": card})
    onnx.save(model, tmp_path / "model.onnx")
    network, _ = read_onnx(tmp_path / "model.onnx")
    assert (network.class_names, network.is_rgb) == (None, False)


def test_class_names_that_are_too_few_are_counted(refusal):
    model = whole()
    helper.set_model_props(model, {"zfkeras": json.dumps({"class_names": ["a"]})})
    assert "must name 5 classes. Received: 1" in refusal(model)


def test_a_mean_must_be_known(refusal):
    assert "--mean must be given" in refusal(whole(), Settings())


def test_mutated_files_are_read_or_refused_in_one_line(tmp_path):
    original = whole().SerializeToString()
    random = np.random.default_rng(0)
    path = tmp_path / "model.onnx"
    refused = 0
    for _ in range(80):
        content = np.frombuffer(original, np.uint8).copy()
        # The weights take nearly all of the bytes: aim at what describes them.
        near = random.integers(0, 300, 3) if random.random() < 0.6 else []
        places = [*near, *random.integers(0, len(content), 2)]
        content[places] = random.integers(0, 256, len(places))
        path.write_bytes(content.tobytes())
        try:
            network, _ = read_onnx(path)
            make_classifier(network, NOTHING, {})
        except UsageError as err:
            refused += 1
            assert "\n" not in str(err)
    assert refused > 25
