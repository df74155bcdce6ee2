"""Projects any signal at a position of a layer, with each method."""

import keras
import numpy as np
import tensorflow as tf

from visualize.deconvnet.deconvnet import METHODS, Deconvnet
from visualize.deconvnet.rule_sets import PAPER
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.graph.layer_outputs import as_maps

_PROBE = "probe_of_sanity"


class SignalProjector:
    """A linear layer on top of a layer, whose units are the signals to be projected.

    Compiled once for a layer and a method, whatever the weights and the signals are.

    most: how many signals are projected at once, at most; rules: of the deconvnet.
    """

    def __init__(
        self, model: keras.Model, layer: int | str, most: int, rules: str = PAPER
    ):
        tensor = LayerGraph(model).tensor(layer)
        self.has_place = len(tensor.shape) == 4
        self.num_channels, self._most = tensor.shape[-1], most
        self._probe = (
            keras.layers.Conv2D(most, 1, use_bias=False, name=_PROBE)
            if self.has_place
            else keras.layers.Dense(most, use_bias=False, name=_PROBE)
        )
        probed = keras.Model(model.inputs, self._probe(tensor))
        self._deconvnets = {
            method: Deconvnet(probed, method=method, rules=rules) for method in METHODS
        }
        network = keras.Model(model.inputs[0], tensor)
        signature = [tf.TensorSpec(network.inputs[0].shape)]
        compiled = tf.function(
            lambda images: as_maps(network(images, training=False)), signature
        )
        self._maps = compiled.get_concrete_function()

    def project(
        self,
        method: str,
        inputs: np.ndarray,
        which: np.ndarray,
        positions: np.ndarray,
        signals: np.ndarray,
    ) -> np.ndarray:
        """Projects signals (n, channels) at positions (n, 2) of inputs[which].

        The sign of each is the one that points the way of the activations. Returns
        float32 array (n, height, width, channels) whose scale means nothing.
        """
        kernel = np.zeros((self.num_channels, self._most), np.float32)
        kernel[:, : len(signals)] = signals.T
        self._probe.kernel.assign(kernel.reshape(self._probe.kernel.shape))
        return self._deconvnets[method].project(
            inputs,
            _PROBE,
            np.arange(len(signals)),
            positions if self.has_place else None,
            image=which,
        )

    def of_channels(self, channels: np.ndarray) -> np.ndarray:
        """Returns the signals (n, channels) of single channels (n,)."""
        return np.eye(self.num_channels, dtype=np.float32)[channels]

    def strongest_channels(
        self, inputs: np.ndarray, which: np.ndarray, positions: np.ndarray
    ) -> np.ndarray:
        """Returns the channel that is strongest at each position, int array (n,)."""
        maps = self._maps(tf.constant(inputs)).numpy()
        return maps[which, positions[:, 0], positions[:, 1]].argmax(axis=1)
