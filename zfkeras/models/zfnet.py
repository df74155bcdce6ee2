"""Builds ZFNet, AlexNet and their variants as functional Keras models."""

import operator
from collections.abc import Sequence

import keras

from zfkeras.errors import UsageError
from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax
from zfkeras.layers.max_rms import MaxRMS
from zfkeras.models.variants import Stage, find_variant

# Said to every layer that asks, so that Keras's global setting has no say.
_CHANNELS = "channels_last"


def ZFNet(  # noqa: N802 - named like a class, as keras.applications names its networks
    num_classes: int | None = None,
    input_shape: tuple[int, int, int] | None = None,
    variant: str | None = None,
    weights: str | None = None,
    *,
    include_top: bool = True,
    kernel_initializer: str = "paper",
    dropout: float = 0.5,
    max_filter_rms: float | None = 0.1,
    dtype: str | None = None,
) -> keras.Model:
    """Builds the network of Zeiler & Fergus 2014, Fig. 3, or one of its variants.

    The layers are named conv1 pool1 norm1 conv2 pool2 norm2 conv3 conv4 conv5 pool5
    flatten fc6 dropout6 fc7 dropout7 predictions. Pools are `MaxPoolWithArgmax`, so the
    same network serves training and the deconvnet.

    Args:
        num_classes: number of classes of the softmax. `None` (default) means that of
            the weights, or 1000.
        input_shape: (height, width, 3). `None` (default) means the variant's own,
            (224, 224, 3) or (56, 56, 3). Other sizes change the size of fc6, so that
            trained weights fit without the top only.
        variant: a key of `zfkeras.models.variants.VARIANTS`: "zfnet", "alexnet",
            "zfnet_quarter" or a row of Table 3 such as "zfnet_b". `None` (default)
            means that of the weights, or "zfnet".
        weights: "quarter" (or "tiny_imagenet", its data set) for the quarter-scale
            network that ships (200 classes), or the path of a `.keras` file to take
            the weights of. `None` (default) means random weights.
        include_top: whether flatten, fc6, fc7 and predictions are part of it, as
            keras.applications calls them. False: the network ends with the maps of
            its last stage, pool5.
        kernel_initializer: "paper", N(0, 0.01^2) (sec. 3), or any Keras initialiser
            such as "he_normal", for every layer but the softmax, which always starts
            as in the paper: near equal probabilities. Biases start at 0.
        dropout: share of fc6 and fc7 that is dropped in training, from 0 to below 1
            (sec. 3: 0.5).
        max_filter_rms: bound on the root mean square of each filter of each
            convolution (sec. 3), above 0 and finite, enforced at every update. `None`
            means no bound.
        dtype: dtype policy, such as "mixed_bfloat16". `None` (default) means Keras's
            global policy. The softmax is always float32.

    Returns:
        A functional model from (batch, height, width, 3) RGB images with their mean
        image subtracted, about -128 to 128, to probabilities (batch, num_classes), or
        without the top to maps (batch, height, width, channels).

    Raises:
        UsageError: unknown variant or dtype policy, an input shape of another form or
            too small for the pools, a number that cannot be, or weights that do not
            fit.

    Example:
        >>> ZFNet().count_params()
        62357608
        >>> ZFNet(weights="quarter", include_top=False).output_shape
        (None, 3, 3, 128)
    """
    trained = None if weights is None else _trained(weights)
    if trained is not None:
        variant = variant or trained.name
        units = trained.output_shape[-1]
        num_classes = units if num_classes is None else num_classes
    variant = variant or "zfnet"
    num_classes = 1000 if num_classes is None else num_classes
    spec = find_variant(variant)
    if input_shape is None:
        input_shape = (spec.crop_size, spec.crop_size, 3)
    _check_numbers(num_classes, input_shape, dropout)
    try:
        keras.dtype_policies.get(dtype)
    except (TypeError, ValueError) as err:
        raise UsageError(
            "`dtype` must be a dtype policy such as 'mixed_bfloat16'. "
            f"Received: dtype={dtype!r}."
        ) from err

    def kernel():
        return {"kernel_initializer": _initializer(kernel_initializer), "dtype": dtype}

    constraint = _constraint(max_filter_rms)

    inputs = keras.Input(input_shape, name="images")
    x = inputs
    try:
        for number, stage in spec.stages.items():
            x = _stage(x, number, stage, constraint, kernel())
    except UsageError:
        raise
    except ValueError as err:
        raise UsageError(
            f"`input_shape` is too small for {variant}. Received: {input_shape}."
        ) from err
    if not include_top:
        return _with_weights(keras.Model(inputs, x, name=variant), weights, trained)
    x = keras.layers.Flatten(_CHANNELS, name="flatten", dtype=dtype)(x)
    for number, units in spec.fully_connected.items():
        x = keras.layers.Dense(units, "relu", name=f"fc{number}", **kernel())(x)
        x = keras.layers.Dropout(dropout, name=f"dropout{number}", dtype=dtype)(x)
    outputs = keras.layers.Dense(
        operator.index(num_classes),  # Keras takes none of NumPy's
        "softmax",
        kernel_initializer=_initializer("paper"),
        name="predictions",
        dtype="float32",
    )(x)
    model = keras.Model(inputs, outputs, name=variant)
    return _with_weights(model, weights, trained)


def _check_numbers(num_classes, input_shape, dropout):
    """Refuses what Keras would refuse in other words, or not at all."""
    if not _are_sizes([num_classes]):
        raise UsageError(
            "`num_classes` must be a whole number of at least 1. "
            f"Received: num_classes={num_classes!r}."
        )
    if not (isinstance(input_shape, Sequence) and len(input_shape) == 3) or (
        not _are_sizes(input_shape)
    ):
        raise UsageError(
            "`input_shape` must be (height, width, channels), all of them known. "
            f"Received: input_shape={input_shape!r}."
        )
    if not (isinstance(dropout, int | float) and 0 <= dropout < 1):
        raise UsageError(
            f"`dropout` must be from 0 to below 1. Received: dropout={dropout!r}."
        )


def _are_sizes(numbers) -> bool:
    try:
        return min(map(operator.index, numbers)) >= 1
    except TypeError:
        return False


def _constraint(max_filter_rms):
    if max_filter_rms is None:
        return None
    try:
        return MaxRMS(max_filter_rms)
    except (TypeError, ValueError) as err:
        raise UsageError(
            "`max_filter_rms` must be above 0 and finite, or None. "
            f"Received: max_filter_rms={max_filter_rms!r}."
        ) from err


def _initializer(name):
    """Makes a new initialiser: one for two layers would start both alike."""
    if name == "paper":
        return keras.initializers.RandomNormal(stddev=0.01)
    try:
        initializer = keras.initializers.get(name)
    except ValueError as err:
        raise UsageError(
            "`kernel_initializer` must be 'paper' or a Keras initialiser such as "
            f"'he_normal'. Received: kernel_initializer={name!r}."
        ) from err
    shared = isinstance(initializer, keras.initializers.Initializer)
    return initializer.clone() if shared else initializer


def _stage(x, number, stage: Stage, constraint, kernel):
    """Adds convolution and ReLU, then pool and normalisation in the stage's order."""
    dtype = kernel["dtype"]
    padding = stage.padding
    if padding != "same":
        if any(padding):
            pads = (padding, padding)
            x = keras.layers.ZeroPadding2D(
                pads, _CHANNELS, name=f"pad{number}", dtype=dtype
            )(x)
        padding = "valid"
    x = keras.layers.Conv2D(
        stage.filters,
        stage.kernel,
        stage.stride,
        padding,
        data_format=_CHANNELS,
        activation="relu",
        kernel_constraint=constraint,
        name=f"conv{number}",
        **kernel,
    )(x)
    if stage.norm == "before_pool":
        x = LocalResponseNormalization(name=f"norm{number}", dtype=dtype)(x)
    if stage.pool is not None:
        pool = MaxPoolWithArgmax(3, 2, stage.pool, name=f"pool{number}", dtype=dtype)
        x, _ = pool(x)
    if stage.norm == "after_pool":
        x = LocalResponseNormalization(name=f"norm{number}", dtype=dtype)(x)
    return x


def _trained(weights) -> keras.Model:
    """Loads the network whose weights are asked for."""
    from zfkeras.models.presets import load

    return load(weights).model


def _with_weights(model, weights, trained) -> keras.Model:
    """Gives a network the weights of a trained one, as far as it has its layers."""
    if trained is None:
        return model
    has_top = any(layer.name == "flatten" for layer in model.layers)
    source = trained.weights if has_top else _weights_below(trained, "flatten")
    wanted = [tuple(weight.shape) for weight in model.weights]
    if wanted != [tuple(weight.shape) for weight in source]:
        raise UsageError(
            argument="weights",
            received=f"{weights!r}, a {trained.name} with {trained.output_shape[-1]} "
            f"classes and input {trained.input_shape[1:]}",
            expected=f"those of a {model.name} with output {model.output_shape[1:]} "
            f"and input {model.input_shape[1:]}",
        )
    model.set_weights(source)
    return model


def _weights_below(model, name) -> list:
    """Lists the weights of the layers before the one of that name."""
    names = [layer.name for layer in model.layers]
    below = model.layers[: names.index(name)] if name in names else model.layers
    return [weight for layer in below for weight in layer.weights]
