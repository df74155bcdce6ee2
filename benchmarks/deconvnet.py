"""64 projections from three layers of the full network: ours, captum and xplique.

All project the strongest activation of one channel, another for each image.
"""

import contextlib
import warnings

import keras
import numpy as np
import tensorflow as tf

from benchmarks.comparison import Comparison, is_installed
from benchmarks.timing import interleaved
from benchmarks.training import stock_twin
from visualize.deconvnet.deconvnet import Deconvnet
from zfkeras.models.zfnet import ZFNet

PAIRS = 64
BATCH_SIZE = 32
OURS, CAPTUM, XPLIQUE = "Deconvnet", "captum NeuronDeconvolution", "xplique DeconvNet"
# Layer -> how many times as fast as captum.
TARGETS = {"conv2": 15.0, "conv3": 5.0, "conv5": 1.5}


def run() -> list[Comparison]:
    """One comparison a layer."""
    model = ZFNet(kernel_initializer="he_normal")
    random = np.random.default_rng(0)
    images = random.normal(0, 60, (PAIRS, *model.input_shape[1:])).astype(np.float32)
    results = []
    for layer, target in TARGETS.items():
        filters = model.get_layer(layer).filters
        channels = random.integers(0, filters, PAIRS)
        work = (model, layer, images, channels)
        contenders = {OURS: _ours(*work)}
        if is_installed("torch") and is_installed("captum"):
            contenders[CAPTUM] = _captum(*work)
        with contextlib.suppress(ImportError):  # of something xplique needs, too
            contenders[XPLIQUE] = _xplique(*work)
        results.append(
            Comparison(
                f"deconvnet, zfnet, {PAIRS} pairs of {layer}",
                OURS,
                interleaved(contenders, repeats=5, warmup=1),
                {CAPTUM: target, XPLIQUE: 1.0},
                images=PAIRS,
                note="xplique gets the network cut off after the layer.",
            )
        )
    return results


def _ours(model, layer, images, channels):
    deconvnet = Deconvnet(model)
    return lambda: deconvnet.project(images, layer, channels, batch_size=BATCH_SIZE)


def _batches():
    return [slice(i, i + BATCH_SIZE) for i in range(0, PAIRS, BATCH_SIZE)]


def _captum(model, layer, images, channels):
    import torch
    from captum.attr import NeuronDeconvolution

    from benchmarks.torch_twin import as_torch, check_twins, torch_twin

    twin = torch_twin(model)
    check_twins(model, twin)
    # The ReLU after it counts as the layer, as with ours.
    method = NeuronDeconvolution(twin, twin.get_submodule(f"{layer}_relu"))
    inputs, wanted = as_torch(images), torch.from_numpy(channels)

    def work():
        for part in _batches():

            def strongest(maps, chosen=wanted[part]):
                return maps[torch.arange(len(chosen)), chosen].amax((1, 2))

            with warnings.catch_warnings():  # it tells of its hooks each time
                warnings.simplefilter("ignore", UserWarning)
                method.attribute(inputs[part], strongest)

    return work


def _xplique(model, layer, images, channels):
    from xplique.attributions import DeconvNet

    stock = stock_twin(model)
    # xplique explains outputs: the strongest activation of each channel.
    maps = stock.get_layer(layer).output
    strongest = keras.layers.GlobalMaxPooling2D()(maps)
    explainer = DeconvNet(keras.Model(stock.inputs, strongest), batch_size=BATCH_SIZE)
    targets = tf.one_hot(channels, maps.shape[-1])
    return lambda: explainer.explain(images, targets)
