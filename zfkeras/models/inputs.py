"""The values that networks read: keras.applications' modes, and what a model shows."""

import keras

from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import UsageError
from zfkeras.graph.layer_graph import LayerGraph

_CAFFE = (103.939, 116.779, 123.68)  # blue, green, red
_TORCH_MEAN, _TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# Mode -> mean, scale and channel order, for pixels of 0 to 255. The first three are
# keras.applications' names.
_MODES = {
    "caffe": (_CAFFE, 1.0, "bgr"),
    "tf": (127.5, 1 / 127.5, "rgb"),
    "torch": (
        tuple(255 * mean for mean in _TORCH_MEAN),
        tuple(1 / (255 * deviation) for deviation in _TORCH_DEVIATION),
        "rgb",
    ),
    "0..255": (0.0, 1.0, "rgb"),
    "0..1": (0.0, 1 / 255, "rgb"),
    "-1..1": (127.5, 1 / 127.5, "rgb"),
}
INPUTS = tuple(_MODES)

# Layers that pass values of the same range on, in inference.
_PASSING = (
    "CenterCrop",
    "Dropout",
    "GaussianNoise",
    "Identity",
    "Resizing",
    "ZeroPadding2D",
)


def make_preprocessing(inputs: str, shape: tuple[int, int, int]) -> Preprocessing:
    """Makes the preprocessing of a mode for an input (height, width, channels)."""
    mean, scale, order = _MODES[inputs]
    channels = shape[2]
    if channels != 3 and isinstance(mean, tuple):
        raise UsageError(
            argument="inputs",
            received=inputs,
            expected=f"tf, 0..255, 0..1 or -1..1 for a network of {channels} channel",
        )
    means = mean if isinstance(mean, tuple) else (mean,) * channels
    return Preprocessing(means, shape[:2], scale, channel_order=order)


def check_inputs(inputs: str) -> None:
    """Raises `UsageError` for an unknown mode."""
    if inputs not in _MODES:
        raise UsageError(
            argument="inputs", received=repr(inputs), expected=f"one of {_listed()}"
        )


def recognise_inputs(model: keras.Model) -> tuple[str, str]:
    """Finds the mode of a model that begins with its own Rescaling or Normalization.

    Returns the mode, "0..255", and the layer's path.
    """
    graph = LayerGraph(model)
    number = 0
    while True:
        readers = [call for call in graph.calls if call.runs and number in call.inputs]
        if len(readers) != 1:
            break
        (call,) = readers
        if isinstance(
            call.operation, keras.layers.Rescaling | keras.layers.Normalization
        ):
            return "0..255", call.path
        kind = type(call.operation).__name__
        if not (kind in _PASSING or kind.startswith("Random")):
            break
        number = call.outputs[0]
    raise UsageError(
        argument="inputs",
        received="none, for a model without a leading Rescaling or Normalization layer",
        expected=f"one of {_listed()}: the values that the model reads",
        remedy="Commands take it as --inputs.",
    )


def _listed() -> str:
    return ", ".join(INPUTS)
