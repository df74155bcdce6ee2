"""The explorer's answers equal those of NumPy and of the deconvnet."""

import keras
import numpy as np
import pytest

import visualize
from visualize.explore.command import ExploreSettings
from visualize.explore.explorer import Explorer
from visualize.explore.network import ExploredNetwork
from zfkeras.errors import UsageError
from zfkeras.io.progress import Progress, Stopped
from zfkeras.models.classifier import Classifier
from zfkeras.passes.context import Context


@pytest.fixture(scope="module")
def network(explorer):
    return explorer.network


@pytest.fixture(scope="module")
def look(explorer, network):
    return network.look(explorer.album.find("7").square)


def test_a_projection_is_the_deconvnets(network, look):
    unit = network.unit(look, "5", 3, None)
    wanted = visualize.Deconvnet(network.classifier).project(look.inputs, 5, 3)[0]
    assert np.array_equal(network.project(look, unit, "deconvnet"), wanted)


def test_channels_are_ranked_by_their_strongest_activation(network, look):
    order, strengths = look.strongest(3)
    maxima = look.maps[3].max(axis=(0, 1))
    assert sorted(order) == [*range(192)]
    assert np.array_equal(strengths, np.sort(maxima)[::-1])
    assert np.array_equal(maxima[order], strengths)


def test_what_feeds_a_unit_sums_to_its_activation_without_the_bias(network, look):
    conv = network.classifier.model.get_layer("conv4")
    kernel, bias = (np.asarray(weight) for weight in conv.weights)
    channel = int(look.strongest(4)[0][0])
    y, x = look.place(4, channel)
    padded = np.pad(look.maps[3], ((1, 1), (1, 1), (0, 0)))
    window = padded[y : y + 3, x : x + 3]
    shares = (window * kernel[..., channel]).sum(axis=(0, 1))
    assert np.isclose(shares.sum() + bias[channel], look.maps[4][y, x, channel])

    found = network.fed_by(look, network.unit(look, "4", channel, (y, x)), 192)
    got = {unit.channel: share for unit, share in found}
    whole = shares[shares > 0].sum()
    for number, share in enumerate(shares):
        assert np.isclose(got.get(number, 0), share / whole, atol=1e-6)
    sizes = [abs(share) for _, share in found]
    assert sizes == sorted(sizes, reverse=True)


def test_what_speaks_for_a_class_is_its_share_against_the_others(network, look):
    weights, _ = network.classifier.model.get_layer("predictions").get_weights()
    features, p = look.maps[7][0, 0], look.probabilities
    label = int(p.argmax())
    shares = features * (weights[:, label] - weights @ p)
    found = network.fed_by(look, network.unit(look, "predictions", label, None), 5)
    whole = shares[shares > 0].sum()
    for unit, share in found:
        assert np.isclose(share, shares[unit.channel] / whole, atol=1e-5)


def test_the_lowest_layer_is_fed_by_none(network, look):
    assert network.fed_by(look, network.unit(look, "1", 0, (0, 0)), 5) == []


@pytest.mark.parametrize(
    ("pixel", "position"), [((0, 0), (0, 0)), ((28, 28), (6, 6)), ((55, 55), (13, 13))]
)
def test_a_point_finds_the_unit_whose_field_is_centred_there(
    network, look, pixel, position
):
    found = network.units_at(look, *pixel, 3)
    first = [unit for unit in found if unit.layer.key == 1]
    assert {unit.position for unit in first} <= {position}
    strengths = look.maps[1][position]
    wanted = [*np.argsort(-strengths, kind="stable")[:3]]
    assert [unit.channel for unit in first] == [c for c in wanted if strengths[c] > 0]
    top, left, bottom, right = network.box(first[0])
    assert top <= pixel[0] <= bottom and left <= pixel[1] <= right


def test_occlusion_stops_when_nobody_waits(network, look):
    unit = network.unit(look, "5", 3, None)
    progress = Progress(stops=True)
    with pytest.raises(Stopped):
        network.occlude(look, unit, 0, progress)
    progress = Progress()
    maps = network.occlude(look, unit, 0, progress)
    assert progress.n == maps.probabilities.size + 1  # the photograph as it is
    assert maps.probability == pytest.approx(look.probabilities[0], rel=1e-4)


@pytest.mark.parametrize(
    ("layer", "channel", "position", "argument"),
    [
        ("9", 0, None, "layer"),
        ("5", 128, None, "channel"),
        ("5", 0, (3, 0), "position"),
    ],
)
def test_units_that_are_not_there_are_refused(
    network, look, layer, channel, position, argument
):
    with pytest.raises(UsageError) as caught:
        network.unit(look, layer, channel, position)
    assert caught.value.argument == argument


def test_a_network_that_no_rule_serves_is_explained():
    image = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(4, 3, activation="gelu", name="first")(image)
    maps = keras.layers.Conv2D(4, 3, activation="gelu", name="second")(maps)
    vector = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(image, keras.layers.Dense(3, "softmax")(vector))
    classifier = Classifier.from_keras(model, inputs="0..1")
    explorer = Explorer(classifier, Context(), ExploreSettings(max_images=10))
    assert explorer.photograph("0")["layers"]
    refused = explorer.network.layers
    assert explorer.strongest("second", 0) == {"refusal": refused["second"].refusal}
    assert all("gelu" in str(layer.refusal) for layer in refused.values())
    served = ExploredNetwork(classifier, "generalised").layers
    assert {layer.refusal for layer in served.values()} == {None}
