"""The networks of keras.applications, with their own preprocessing: `keras:NAME`."""

import difflib
import inspect
import logging
import urllib.error

import keras
import numpy as np

from zfkeras.data.published.sets import in_megabytes
from zfkeras.errors import RunError, UsageError
from zfkeras.models.classifier import Classifier
from zfkeras.models.from_keras import from_keras
from zfkeras.models.inputs import INPUTS, make_preprocessing

PREFIX = "keras:"
_RANDOM = "random"
_CLASSES = 1000  # of ImageNet
_BYTES = 4  # a weight

_log = logging.getLogger(__name__)


def load_application(spec: str) -> Classifier:
    """Loads `keras:NAME`, or `keras:NAME:random` with weights that are not trained."""
    name, _, rest = spec.removeprefix(PREFIX).partition(":")
    known = application_names()
    if name not in known or rest not in ("", _RANDOM):
        near = difflib.get_close_matches(name, known, n=5, cutoff=0.3) or known[:5]
        raise UsageError(
            argument="the network",
            received=repr(spec),
            expected="keras:NAME or keras:NAME:random for a network of "
            f"keras.applications, such as {', '.join(near)}",
        )
    build = getattr(keras.applications, name)
    if rest == _RANDOM:
        return from_keras(build(weights=None), inputs_of(name))
    with keras.StatelessScope(initialize_variables=False):  # no values, quickly
        size = _BYTES * build(weights=None).count_params()
    _log.info(
        "%s: weights of %s, which Keras downloads once into ~/.keras/models",
        spec,
        in_megabytes(size),
    )
    try:
        model, class_names = build(weights="imagenet"), _imagenet_names()
    # Keras's own raise nothing narrower.
    except Exception as err:
        if not _is_offline(err):
            raise
        raise RunError(
            f"{spec}: its weights cannot be downloaded ({err}). Try again with a "
            f"network, or take weights that are not trained: {PREFIX}{name}:{_RANDOM}.",
            argument=spec,
            received=err,
        ) from err
    return from_keras(model, inputs_of(name), class_names=class_names)


def application_names() -> list[str]:
    """Lists the networks of keras.applications."""
    functions = inspect.getmembers(keras.applications, inspect.isfunction)
    return [name for name, _ in functions]


def inputs_of(name: str) -> str:
    """Finds the mode in which a network's own `preprocess_input` prepares pixels."""
    module = getattr(keras.applications, name).__module__.rpartition(".")[2]
    prepare = getattr(keras.applications, module).preprocess_input
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    prepared = prepare(pixels.astype(np.float32), data_format="channels_last")
    for mode in INPUTS:
        ours = make_preprocessing(mode, pixels.shape).centre_crop(pixels)
        if np.allclose(ours, prepared, atol=1e-4):
            return mode
    raise NotImplementedError(f"{name} prepares its images in a way of its own")


def _imagenet_names() -> list[str]:
    """Returns "n02124075 Egyptian cat" and so on, of a file that Keras downloads."""
    decode = keras.applications.imagenet_utils.decode_predictions
    return [
        f"{wnid} {name.replace('_', ' ')}"
        for ((wnid, name, _),) in decode(np.eye(_CLASSES, dtype=np.float32), top=1)
    ]


def _is_offline(err) -> bool:
    cause = err.__cause__ or err.__context__ or err
    return isinstance(cause, urllib.error.URLError | OSError) or "URL fetch" in str(err)
