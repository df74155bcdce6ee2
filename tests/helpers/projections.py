"""Compares `visualize.Deconvnet` with the second engine, pair by pair."""

import keras
import numpy as np

from tests.helpers import deconvnet_reference
from visualize import Deconvnet


def random_images(shape, seed=0, scale=1.0):
    """float32 images (n, height, width, channels) of both signs."""
    random = np.random.default_rng(seed)
    return (random.normal(size=shape) * scale).astype(np.float32)


def shake(model, seed=0):
    """Gives every bias and every statistic of a normalisation a value of its own."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        name, shape = variable.path.split("/")[-1], variable.shape
        if name in ("moving_variance", "gamma"):
            variable.assign(random.uniform(0.5, 2, shape))
        elif name in ("moving_mean", "beta", "bias"):
            variable.assign(random.normal(0, 0.1, shape))


def tensor_of(model, path):
    """The symbolic output of a layer by its dotted path, without an argmax."""
    for name in path.split("."):
        *_, layer = [op for op in model.operations if op.name == name]
        model = layer
    output = layer._inbound_nodes[0].output_tensors
    return output[0]


def by_reference(model, images, found, path, lrn=None, method="deconvnet", gates=None):
    """What the second engine reconstructs for the pairs of a `Projection`."""

    def seed(maps):
        alone = np.zeros_like(maps)
        for row, (channel, place) in enumerate(
            zip(found.channels, found.positions, strict=True)
        ):
            unit = (row, *place, channel) if maps.ndim == 4 else (row, channel)
            alone[unit] = maps[unit]
            np.testing.assert_allclose(
                found.activations[row], maps[unit], rtol=1e-4, atol=1e-5
            )
        return alone

    lrn = lrn or ("identity" if method == "deconvnet" else "gradient")
    return deconvnet_reference.project(
        model, images, seed, lambda twin: tensor_of(twin, path), method, lrn, gates
    )


def assert_close(found, wanted, relative=1e-4, name=""):
    """Largest difference, by the largest value; neither may be all zeros."""
    scale = np.abs(wanted).max()
    assert scale > 0, f"{name}: nothing to compare"
    assert np.abs(found - wanted).max() <= relative * scale, name


def assert_engines_agree(
    model, images, path, method="deconvnet", rules="paper", gates=None, **asked
):
    """Both engines reconstruct the same, from the same activations."""
    deconvnet = Deconvnet(model, method=method, rules=rules)
    found = deconvnet.project_units(images, path, **asked)
    rows = asked.get("image")
    images = images if rows is None else images[rows]
    wanted = by_reference(model, images, found, path, None, method, gates)
    assert_close(found.reconstructions, wanted)
    return found


def maps_of(model, images, path):
    """What the model itself computes for a layer with one output."""
    part = keras.Model(model.inputs[0], model.get_layer(path).output)
    return np.asarray(part(images))
