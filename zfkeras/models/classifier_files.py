"""The self-sufficient `.keras` file of a classifier, written whole and read safely."""

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np

import zfkeras.layers  # noqa: F401 - registers the layers that files name
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import UsageError
from zfkeras.io.files import written_whole
from zfkeras.layers.max_rms import MaxRMS  # noqa: F401 - likewise
from zfkeras.models.answers import check_answers
from zfkeras.models.network_files import load_network, one_line_errors, reason
from zfkeras.models.storage import (
    IncompleteFile,
    add_members,
    check_parts,
    check_size,
    halve_weights,
    read_members,
)


def write_classifier(classifier, path: Path, half_weights: bool) -> None:
    """Does what `Classifier.save` describes."""
    if path.suffix != ".keras":
        raise UsageError(f"`path` must end in .keras. Received: path='{path}'.")
    check_answers(path, classifier.model)
    card = _card(classifier)
    with written_whole(path) as file:
        keras.saving.save_model(classifier.model, file.name)
        _check_loadable(path, file.name)
        if half_weights:
            halve_weights(file.name)
        add_members(file.name, card, classifier.preprocessing.mean_image)


def read_classifier(path: Path) -> tuple:
    """Does what `Classifier.load` describes; returns the classifier's four parts."""
    if not path.is_file():
        raise FileNotFoundError(f"no model file at {path}")
    with open(path, "rb") as file, one_line_errors(path):
        try:
            card, mean_image = read_members(file)
        except IncompleteFile as err:
            raise UsageError(
                f"{path} holds a network but not its mean image and class names; "
                "save it with zfkeras.Classifier.save."
            ) from err
        check_size(path)
        model = load_network(path)
        preprocessing = Preprocessing(mean_image, **card["preprocessing"])
        class_names = tuple(card["class_names"])
        check_parts(model, preprocessing, class_names)
        made = dict(card["made"])
    check_answers(path, model)
    return model, preprocessing, class_names, made


def _card(classifier) -> str:
    """Writes all but network and mean image as JSON text that can be read again."""
    settings = classifier.preprocessing
    preprocessing = {
        "crop_size": settings.crop_size,
        "input_scale": settings.input_scale,
    }
    if settings.channel_order != "rgb":
        preprocessing["channel_order"] = settings.channel_order
    card = {
        "class_names": list(classifier.class_names),
        "preprocessing": preprocessing,
        "made": dict(classifier.made),
    }
    try:
        text = json.dumps(card, indent=1, default=_plain)
        read = json.loads(text)
        settings = dataclasses.replace(settings, **read["preprocessing"])
        check_parts(classifier.model, settings, tuple(read["class_names"]))
        return text
    except (ValueError, TypeError) as err:
        raise UsageError(
            "a classifier's parts must fit together, and `made` be JSON values, to "
            f"be saved. Received: {reason(err)}."
        ) from err


def _check_loadable(path, written) -> None:
    """Refuses a network that Keras has written but would not read again."""
    try:
        check_size(written)
    except (ValueError, TypeError) as err:
        lines = [line.strip() for line in str(err).splitlines()]
        cause = next((line for line in lines if "Lambda" in line), reason(err))
        raise UsageError(
            f"{path}: the network cannot be saved so that it can be loaded again. "
            f"Received: {cause[:200]} Replace a Lambda by a registered layer.",
            argument="model",
            received=cause,
        ) from err


def _plain(value):
    """NumPy's numbers as Python's, which JSON takes."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r} of type {type(value).__name__}")
