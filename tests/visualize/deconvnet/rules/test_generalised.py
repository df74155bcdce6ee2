"""The generalised rules, held to the second engine and to cases computed by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.helpers.projections import (
    assert_close,
    assert_engines_agree,
    by_reference,
    random_images,
    shake,
)
from tests.helpers.rules import projector_of
from visualize import Deconvnet
from zfkeras import UsageError
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.graph.receptive_field import receptive_field

METHODS = ["deconvnet", "guided", "gradient"]
SHAPE = (9, 8, 3)


def side_by_side(parts):
    """A branch for each part, each between two convolutions, joined in "joined"."""
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE)
    ends = []
    for number, part in enumerate(parts):
        x = layers.Conv2D(6, 3, name=f"low{number}")(image)
        ends.append(layers.Conv2D(1, 1, name=f"high{number}")(part(x)))
    joined = layers.Concatenate(name="joined")(ends)
    model = keras.Model(image, layers.Conv2D(2, 1, name="top")(joined))
    shake(model)
    return model


def with_weights_of(model, other):
    """Copies the weights of the convolutions around the parts."""
    for layer in other.layers:
        if layer.name.startswith(("low", "high")):
            model.get_layer(layer.name).set_weights(layer.get_weights())
    return model


def assert_each_agrees(parts, method="deconvnet", gates=None, **asked):
    """Both engines agree on each of some layers; an error names the layer."""
    model = side_by_side(parts.values())
    image = np.zeros(len(parts), np.int64)
    images = random_images((1, *SHAPE), scale=3)
    deconvnet = Deconvnet(model, method=method, rules="generalised")
    asked |= {"channel": np.arange(len(parts)), "image": image}
    found = deconvnet.project_units(images, "joined", **asked)
    wanted = by_reference(model, images[image], found, "joined", None, method, gates)
    for name, one, other in zip(parts, found.reconstructions, wanted, strict=True):
        assert_close(one, other, name=name)


def leaky(axes):
    random = keras.initializers.RandomUniform(0.1, 0.9, seed=1)
    return layers.PReLU(random, shared_axes=axes)


def activations():
    named = "celu elu gelu hard_silu leaky_relu mish selu silu softplus sparse_plus"
    return {
        **{name: layers.Activation(name) for name in f"{named} squareplus".split()},
        "operation gelu": keras.ops.gelu,  # approximate
        "operation silu": keras.ops.silu,
        "fused gelu": layers.Conv2D(6, 1, activation="gelu"),
        "ELU": layers.ELU(),
        "LeakyReLU": layers.LeakyReLU(),
        "ReLU with a slope": layers.ReLU(negative_slope=0.1),
        "PReLU": leaky([1, 2]),
        "PReLU of each number": leaky(None),
    }


@pytest.mark.parametrize("method", METHODS)
def test_engines_agree_on_activations(method):
    assert_each_agrees(activations(), method)


def normalisations():
    return {
        "layer": layers.LayerNormalization(),
        "layer, plain": layers.LayerNormalization(center=False, scale=False),
        "layer, whole maps": layers.LayerNormalization(axis=(1, 2, 3)),
        "layer, rows": layers.LayerNormalization(axis=1),
        "root mean square": layers.RMSNormalization(),
        "unit": layers.UnitNormalization(),
        "unit, whole maps": layers.UnitNormalization(axis=(1, 2, 3)),
        "group": layers.GroupNormalization(3),
        "group of one": layers.GroupNormalization(-1, scale=False),
    }


@pytest.mark.parametrize("position", [None, (0, 5)])
def test_engines_agree_on_frozen_statistics(position):
    assert_each_agrees(normalisations(), position=position)


def excited(end, keepdims=True):
    """Squeeze-and-excitation; `end`: of the gate."""

    def build(x):
        gate = layers.GlobalAveragePooling2D(keepdims=keepdims)(x)
        if not keepdims:
            gate = layers.Reshape((1, 1, 6))(gate)
        gate = layers.Conv2D(6, 1, activation="silu")(gate)
        return layers.Multiply()([x, end(gate)])

    return build


def hard_sigmoid(x):
    """As MobileNetV3 writes it."""
    return layers.ReLU(6.0)(x + 3.0) * (1 / 6)


def gated(x):
    """A gate with a number for each place, of what lies around it."""
    gate = layers.AveragePooling2D(3, 1, "same")(x)
    gate = layers.Conv2D(6, 3, padding="same", activation="sigmoid")(gate)
    return layers.Multiply(name="gated")([layers.Dropout(0.5)(gate), x])


def test_engines_agree_on_gates():
    products = {
        "sigmoid": excited(layers.Activation("sigmoid")),
        "hard sigmoid": excited(hard_sigmoid, keepdims=False),
        "no bound": excited(layers.Conv2D(6, 1)),
        "of each place": gated,
    }
    gates = {"gated": [0]}
    assert_each_agrees(products, gates=gates)
    assert_each_agrees(products, "gradient", gates=gates)


def test_gates_may_be_computed_inside_windows():
    model = side_by_side([gated])
    images = random_images((1, *SHAPE), scale=3)
    place = {"channel": 0, "position": [(0, 5), (3, 3), (6, 0)], "image": [0, 0, 0]}
    assert projector_of(model, path="joined", rules="generalised").has_window
    assert_engines_agree(
        model, images, "joined", "guided", "generalised", {"gated": [0]}, **place
    )


WRITTEN_OUT = {
    "silu": lambda x: x * keras.ops.sigmoid(x),
    "hard_silu": lambda x: layers.Multiply()([hard_sigmoid(x), x]),
    "mish": lambda x: x * keras.ops.tanh(keras.ops.softplus(x)),
}


@pytest.mark.parametrize("method", ["deconvnet", "gradient"])
def test_an_activation_may_be_written_out_as_a_product(method):
    images = random_images((1, *SHAPE), scale=3)
    whole = side_by_side(map(layers.Activation, WRITTEN_OUT))
    written = with_weights_of(side_by_side(WRITTEN_OUT.values()), whole)
    found = [
        Deconvnet(model, method=method, rules="generalised").project(
            images, "joined", [0, 1, 2], (2, 3)
        )
        for model in (written, whole)
    ]
    assert_close(*found)


def test_a_product_may_be_an_operation():
    images = random_images((1, *SHAPE), scale=3)

    def project(multiply):
        def gated(x):
            return multiply([x, hard_sigmoid(layers.Conv2D(6, 1)(x))])

        deconvnet = Deconvnet(side_by_side([gated]), rules="generalised")
        return deconvnet.project(images, "joined", 0)

    assert_close(project(lambda both: both[0] * both[1]), project(layers.Multiply()))


def test_a_network_without_constants_is_the_linear_map_it_applies():
    # With all gates held, the reconstruction times the image is the activation.
    def part(x):
        x = excited(layers.Activation("hard_sigmoid"))(layers.Activation("gelu")(x))
        x = layers.UnitNormalization()(layers.LeakyReLU()(x))
        return layers.Activation("silu")(x)

    model = side_by_side([part])
    for name in ("low0", "high0"):
        bias = model.get_layer(name).bias
        bias.assign(0 * bias)
    images = random_images((3, *SHAPE), scale=3)
    deconvnet = Deconvnet(model, method="gradient", rules="generalised")
    found = deconvnet.project_units(images, "joined", 0)
    products = (found.reconstructions * images).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(products, found.activations**2, rtol=1e-4)


def refusal(part, rules):
    with pytest.raises(UsageError) as error:
        Deconvnet(side_by_side([part]), rules=rules).require(["joined"])
    return error.value


def test_paper_rules_name_the_switch_where_it_helps():
    error = refusal(layers.Activation("gelu", name="odd"), "paper")
    assert (error.argument, error.received) == ("odd", "gelu")
    assert "--rules generalised" in str(error)
    assert "--rules" not in str(refusal(layers.Activation("tanh"), "paper"))


@pytest.mark.parametrize(
    ("part", "received", "expected"),
    [
        (layers.Activation("tanh"), "tanh", "has a rule"),
        (layers.Activation("sigmoid"), "sigmoid", "the last one"),
        (layers.ReLU(6, 0.1), "ReLU", "max_value"),
        (lambda x: layers.Multiply()([x, x]), "Multiply", "no gate"),
        (lambda x: x * layers.Conv2D(6, 1)(x), "keras.ops.Multiply", "no gate"),
        (
            lambda x: keras.ops.tanh(x) * keras.ops.sigmoid(x),
            "keras.ops.Multiply",
            "no gate",
        ),
        (
            lambda x: layers.MultiHeadAttention(1, 2)(x, x),
            "MultiHeadAttention",
            "has a rule",
        ),
    ],
)
def test_what_has_no_rule_is_refused_by_name(part, received, expected):
    error = refusal(part, "generalised")
    assert error.received == received and expected in error.expected


def test_networks_of_the_paper_are_projected_alike():
    images = random_images((1, *SHAPE))
    model = side_by_side([layers.ReLU(), layers.ReLU(6)])
    paper, generalised = (
        Deconvnet(model, rules=rules).project(images, "joined")
        for rules in ("paper", "generalised")
    )
    np.testing.assert_array_equal(paper, generalised)


@pytest.mark.parametrize("is_nested", [False, True])
def test_a_frozen_gate_keeps_the_signal_where_the_unit_looks(is_nested):
    model = side_by_side([excited(layers.Activation("sigmoid"))])
    path = "joined"
    if is_nested:
        model.name, path = "inner", "inner.joined"
        image = keras.Input(SHAPE)
        model = keras.Model(image, layers.Activation("linear")(model(image)))
    deconvnet = Deconvnet(model, rules="generalised")
    field = deconvnet.field(path)
    assert field.box((2, 3)) == (2, 3, 5, 6)
    assert receptive_field(model, LayerGraph(model).tensor(path)).size == SHAPE[:2]
    images = random_images((1, *SHAPE))
    picture = deconvnet.project(images, path, 0, (2, 3))[0]
    assert picture[2:5, 3:6].any()
    picture[2:5, 3:6] = 0
    assert not picture.any()


def test_a_bounded_gate_by_hand():
    # f(x) = x sigmoid(x) at x = 2; the signal is f(2), and 1 goes back to 1.
    model = keras.Sequential([keras.Input((1, 1, 1)), layers.Activation("silu")])
    image = np.full((1, 1, 1, 1), 2.0)
    found = {
        method: Deconvnet(model, method=method, rules="generalised")
        .project(image, model.layers[-1].name)
        .item()
        for method in METHODS
    }
    share = 1 / (1 + np.exp(-2))
    wanted = {"deconvnet": 2 * share, "guided": 2 * share**2, "gradient": 2 * share**2}
    assert found == pytest.approx(wanted)


def test_unknown_sets_of_rules_are_refused():
    with pytest.raises(UsageError) as error:
        Deconvnet(side_by_side([layers.ReLU()]), rules="mine")
    assert (error.value.argument, error.value.received) == ("rules", "mine")
