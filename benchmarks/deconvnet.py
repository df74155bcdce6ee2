"""64 projections from three layers of the full network: ours, captum and xplique.

All project the strongest activation of one channel, another for each image. captum and
xplique take derivatives where ours passes the normalisations, and begin with 1 where
ours begins with the activation; they are checked against ours that does so, too.
"""

import contextlib
import warnings

import keras
import numpy as np
import tensorflow as tf

from benchmarks.checks import check_answers
from benchmarks.comparison import Comparison, is_installed
from benchmarks.keras_twin import keras_twin
from benchmarks.precisions import (
    CLOSENESS,
    FLOAT32,
    compare,
    fast_policies,
    with_policy,
)
from benchmarks.timing import interleaved
from visualize.deconvnet.deconvnet import Deconvnet
from zfkeras.models.zfnet import ZFNet

PAIRS = 64
BATCH_SIZE = 32
OURS, CAPTUM, XPLIQUE = "Deconvnet", "captum NeuronDeconvolution", "xplique DeconvNet"
# Layer -> how many times as fast as captum.
TARGETS = {"conv2": 15.0, "conv3": 5.0, "conv5": 1.5}


def run() -> list[Comparison]:
    """One comparison a layer and precision."""
    model = ZFNet(kernel_initializer="he_normal")
    random = np.random.default_rng(0)
    images = random.normal(0, 60, (PAIRS, *model.input_shape[1:])).astype(np.float32)
    rows = []
    for layer in TARGETS:
        channels = random.integers(0, model.get_layer(layer).filters, PAIRS)
        rows += _compare(model, layer, images, channels)
    return rows


def _compare(model, layer, images, channels):
    work = (layer, images, channels)
    check = _check(model, *work)
    contenders = {
        (policy, name): project
        for policy in fast_policies()
        for name, project in _contenders(model, policy, check, *work).items()
    }
    times = interleaved(contenders, repeats=3, warmup=1)
    return compare(
        times,
        "deconvnet",
        f"zfnet, {PAIRS} pairs of {layer}",
        OURS,
        {CAPTUM: TARGETS[layer], XPLIQUE: 1.0},
        images=PAIRS,
        note="xplique gets the network cut off after the layer; it has no bfloat16.",
    )


def _check(model, layer, images, channels):
    """Returns the check of what captum and xplique compute, by our own means."""
    found = Deconvnet(model, lrn="gradient").project_units(images, layer, channels)
    active = found.activations > 0  # we project nothing of the others
    begun_with = found.activations[active][:, None, None, None]
    ours = found.reconstructions[active] / begun_with

    def check(peer, policy, projections):
        # xplique leaves the mean of the three colours.
        wanted = ours if projections.shape[-1] == 3 else ours.mean(-1, keepdims=True)
        check_answers(peer, projections[active], wanted, **CLOSENESS[policy])

    return check


def _contenders(model, policy, check, *work):
    contenders = {OURS: _ours(with_policy(model, policy), *work)}
    if is_installed("torch") and is_installed("captum"):
        contenders[CAPTUM] = _captum(model, policy, check, *work)
    if policy == FLOAT32:  # xplique has no bfloat16
        with contextlib.suppress(ImportError):  # of something xplique needs, too
            contenders[XPLIQUE] = _xplique(model, check, *work)
    return contenders


def _ours(model, layer, images, channels):
    deconvnet = Deconvnet(model)
    return lambda: deconvnet.project(images, layer, channels, batch_size=BATCH_SIZE)


def _batches():
    return [slice(i, i + BATCH_SIZE) for i in range(0, PAIRS, BATCH_SIZE)]


def _captum(model, policy, check, layer, images, channels):
    import torch
    from captum.attr import NeuronDeconvolution

    from benchmarks.torch_twin import as_numpy, as_torch, autocast, torch_twin

    twin = torch_twin(model, policy)
    # The ReLU after it counts as the layer, as with ours.
    method = NeuronDeconvolution(twin, twin.get_submodule(f"{layer}_relu"))
    inputs, asked_for = as_torch(images), torch.from_numpy(channels)

    def project(part):
        def strongest(maps, chosen=asked_for[part]):
            return maps[torch.arange(len(chosen)), chosen].amax((1, 2))

        with warnings.catch_warnings():  # it tells of its hooks each time
            warnings.simplefilter("ignore", UserWarning)
            with autocast(policy):
                return method.attribute(inputs[part], strongest)

    def work():
        return np.concatenate([as_numpy(project(part)) for part in _batches()])

    check(CAPTUM, policy, work())
    return work


def _xplique(model, check, layer, images, channels):
    from xplique.attributions import DeconvNet

    stock = keras_twin(model, FLOAT32)
    # xplique explains outputs: the strongest activation of each channel.
    maps = stock.get_layer(layer).output
    strongest = keras.layers.GlobalMaxPooling2D()(maps)
    explainer = DeconvNet(keras.Model(stock.inputs, strongest), batch_size=BATCH_SIZE)
    targets = tf.one_hot(channels, maps.shape[-1])

    def work():
        return explainer.explain(images, targets).numpy()

    check(XPLIQUE, FLOAT32, work())
    return work
