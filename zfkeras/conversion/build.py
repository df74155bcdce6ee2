"""A foreign network as a Keras model of our layers, with our names.

Where `ZFNet` can build it, it does; else it is put together here from the same layers.
"""

import contextlib
import dataclasses
import re

import keras
import numpy as np

from zfkeras.conversion import network as foreign
from zfkeras.conversion.arranging import arranged
from zfkeras.errors import UsageError
from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax
from zfkeras.models.variants import VARIANTS, Stage, Variant
from zfkeras.models.zfnet import ZFNet

# Said to every layer that asks, so that Keras's global setting has no say.
_CHANNELS = "channels_last"


def build_model(network: foreign.Network, crop_size: int) -> keras.Model:
    """Builds a Keras model (batch, crop_size, crop_size, 3) -> probabilities."""
    blocks, hidden, last = arranged(network.operations)
    layers = _Layers(keras.Input((crop_size, crop_size, 3), name="images"))
    stages = {block.number: layers.add_stage(block) for block in blocks}
    flat = layers.shape
    layers.add(keras.layers.Flatten(_CHANNELS, name="flatten"))
    for block in hidden:
        layers.add_dense(block.main, f"fc{block.number}", "relu")
        for dropout in block.follow:
            rate = dropout.rate if 0 <= dropout.rate < 1 else 0.5
            layers.add(keras.layers.Dropout(rate, name=f"dropout{block.number}"))
    layers.add_dense(last.main, "predictions", "softmax")
    variant = _variant_of(stages, hidden, crop_size)
    if variant is None:
        model = keras.Model(layers.inputs, layers.x, name=_name(network))
    else:
        model = ZFNet(last.main.kernel.shape[1], variant=variant.name)
    _take_weights(model, blocks, [*hidden, last], flat)
    return model


def logits_model(model: keras.Model) -> tuple[keras.Model, np.ndarray, np.ndarray]:
    """Returns a model up to the last layer, and that layer's kernel and bias."""
    predictions = model.get_layer("predictions")
    return keras.Model(model.input, predictions.input), *predictions.get_weights()


class _Layers:
    """The Keras layers added so far, and the tensor they end in."""

    def __init__(self, inputs):
        self.inputs = self.x = inputs

    @property
    def shape(self):
        """Returns (height, width, channels) of the maps."""
        return tuple(self.x.shape[1:])

    def add(self, layer):
        """Adds a layer; hands on a pool's maps without the argmax."""
        output = layer(self.x)
        self.x = output[0] if isinstance(output, (list, tuple)) else output

    def add_stage(self, block) -> Stage | None:
        """Adds a convolution and what follows; returns it as `ZFNet` would say it."""
        main, number = block.main, block.number
        padding = self._add_convolution(main, number)
        square = main.kernel.shape[0] == main.kernel.shape[1]
        usual = square and main.groups == 1 and main.strides[0] == main.strides[1]
        pool = norm = None
        for operation in block.follow:
            if isinstance(operation, foreign.Norm):
                norm = "before_pool" if pool is None else "after_pool"
                self._add_norm(operation, number)
                usual &= _is_our_norm(operation)
            else:
                pool = self._add_pool(operation, number)
                usual &= (operation.window, operation.strides) == ((3, 3), (2, 2))
        if pool is None and norm is not None:
            norm = "after_pool"
        filters, kernel, stride = (
            main.kernel.shape[3],
            main.kernel.shape[0],
            main.strides,
        )
        stage = Stage(filters, kernel, stride[0], padding, pool, norm)
        return stage if usual and isinstance(pool, str | None) else None

    def _add_convolution(self, main, number):
        height, width, channels, filters = main.kernel.shape
        if channels * main.groups != self.shape[2]:
            raise UsageError(
                f"{main.where} takes {channels * main.groups} channels in "
                f"{main.groups} groups, but gets {self.shape[2]}."
            )
        padding = self._padding(main, (height, width), f"pad{number}")
        with _naming(main):
            self.add(
                keras.layers.Conv2D(
                    filters,
                    (height, width),
                    main.strides,
                    "same" if padding == "same" else "valid",
                    data_format=_CHANNELS,
                    groups=main.groups,
                    activation="relu",
                    name=f"conv{number}",
                )
            )
        return (0, 0) if padding == "valid" else padding

    def _add_pool(self, pool, number):
        """Adds a pool; returns "same", "valid" or the zeros added before it.

        Maps behind a ReLU are never negative, so zeros never win over the maps' values.
        """
        padding = self._padding(pool, pool.window, f"pad_pool{number}")
        kind = padding if padding == "same" else "valid"
        self.add(
            MaxPoolWithArgmax(pool.window, pool.strides, kind, name=f"pool{number}")
        )
        return padding

    def _add_norm(self, norm, number):
        finite = np.isfinite((norm.alpha, norm.beta, norm.bias)).all()
        if norm.size < 1 or norm.size % 2 == 0 or not (norm.bias > 0 and finite):
            raise UsageError(
                f"{norm.where} must have an odd size, finite constants and a bias "
                f"above 0. Received: {dataclasses.asdict(norm)}."
            )
        self.add(
            LocalResponseNormalization(
                (norm.size - 1) // 2,
                norm.bias,
                norm.alpha,
                norm.beta,
                name=f"norm{number}",
            )
        )

    def _padding(self, operation, window, name):
        """Returns "valid", "same", or the zeros of a layer that it adds."""
        zeros, starts = [], []
        for axis, stride in enumerate(operation.strides):
            length = self.shape[axis]
            place = operation.padding.along(axis, length, window[axis], stride)
            before, windows = place
            if windows < 1:
                raise UsageError(
                    f"{operation.where} has windows of {window[0]}x{window[1]}, which "
                    f"do not fit into {self.shape[0]}x{self.shape[1]}."
                )
            after = (windows - 1) * stride + window[axis] - length - before
            zeros.append((before, max(after, 0)))
            starts.append((place, length, window[axis], stride))
        if all(_fits("explicit", *start) for start in starts):
            return "valid"
        if all(_fits("same_upper", *start) for start in starts):
            return "same"
        self.add(keras.layers.ZeroPadding2D(tuple(zeros), _CHANNELS, name=name))
        return zeros[0] if zeros[0] == zeros[1] else tuple(zeros)

    def add_dense(self, dense, name, activation):
        """Adds a dense layer, if it fits."""
        (inputs,) = self.shape
        if dense.kernel.shape[0] != inputs:
            raise UsageError(
                f"{dense.where} takes {dense.kernel.shape[0]} inputs, but gets "
                f"{inputs}: the input's size, or the file, is not what it should be."
            )
        with _naming(dense):
            self.add(keras.layers.Dense(dense.kernel.shape[1], activation, name=name))


@contextlib.contextmanager
def _naming(operation):
    """Says which operation it is that Keras refuses."""
    try:
        yield
    except ValueError as err:
        line = str(err).strip().splitlines()[0]
        raise UsageError(f"{operation.where} does not fit: {line}") from err


def _fits(mode, place, length, window, stride) -> bool:
    return foreign.Padding(mode=mode).along(0, length, window, stride) == place


def _is_our_norm(norm) -> bool:
    ours = LocalResponseNormalization()
    found = (norm.size, norm.alpha, norm.beta, norm.bias)
    wanted = (2 * ours.depth_radius + 1, ours.alpha, ours.beta, ours.bias)
    return np.allclose(found, wanted, rtol=1e-6, atol=0)


def _name(network) -> str:
    """Returns the file's name in letters Keras takes, but no variant's name."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", network.name) or "network"
    return f"{name}_converted" if name in VARIANTS else name


def _variant_of(stages, hidden, crop_size) -> Variant | None:
    """Returns the variant that `ZFNet` builds alike, if there is one."""
    units = {block.number: block.main.kernel.shape[1] for block in hidden}
    wanted = (stages, units, crop_size)
    for variant in VARIANTS.values():
        if (variant.stages, variant.fully_connected, variant.crop_size) == wanted:
            return variant
    return None


def _take_weights(model, blocks, dense, flat) -> None:
    names = {id(block): f"conv{block.number}" for block in blocks}
    names |= {id(block): f"fc{block.number}" for block in dense[:-1]}
    names[id(dense[-1])] = "predictions"
    for block in [*blocks, *dense]:
        kernel, bias = block.main.kernel, block.main.bias
        if block is dense[0]:
            kernel = _channels_last(kernel, flat)
        if bias is None:
            raise UsageError(f"{block.main.where} has no biases.")
        if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            raise UsageError(f"{block.main.where} has weights that are not finite.")
        with _naming(block.main):
            model.get_layer(names[id(block)]).set_weights([kernel, bias])


def _channels_last(kernel, flat):
    """Rows of a kernel behind the flattening, from channel by channel to ours."""
    height, width, channels = flat
    rows = np.arange(kernel.shape[0]).reshape(channels, height, width)
    return kernel[rows.transpose(1, 2, 0).ravel()]
