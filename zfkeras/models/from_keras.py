"""A classifier of a plain Keras model: what the model does not say, the user says."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras

from zfkeras.data.wnids import in_english
from zfkeras.errors import UsageError
from zfkeras.graph.calls import is_graph
from zfkeras.models.answers import answers_of, says_from_logits
from zfkeras.models.classifier import Classifier
from zfkeras.models.inputs import check_inputs, make_preprocessing, recognise_inputs
from zfkeras.models.storage import check_parts

OUTPUTS = ("logits", "probabilities")
USUAL_SIZE = 224  # of keras.applications, for models that take any size

_log = logging.getLogger(__name__)


def from_keras(
    model: keras.Model,
    inputs: str | None = None,
    outputs: str | None = None,
    class_names: Sequence[str] | str | Path | None = None,
    output: str | None = None,
    compiled: Mapping | None = None,
) -> Classifier:
    """Makes what `Classifier.from_keras` describes.

    `compiled` is the compile config, where the model was loaded without it.
    """
    assumed = []
    _check_model(model)
    if compiled is None and getattr(model, "compiled", False):
        compiled = model.get_compile_config()
    model = _with_fixed_size(_with_one_output(model, output), assumed)
    if inputs is None:
        inputs, layer = recognise_inputs(model)
        assumed.append(f"it reads {inputs}, as it begins with its own layer {layer!r}")
    check_inputs(inputs)
    preprocessing = make_preprocessing(inputs, model.input_shape[1:])
    outputs = _known_outputs(model, outputs, compiled, assumed)
    names = _class_names(class_names, model.output_shape[-1], assumed)
    model = _with_probabilities(model, outputs)
    made = {"inputs": inputs, "outputs": outputs, "assumed": assumed}
    if output is not None:
        made["output"] = output
    try:
        check_parts(model, preprocessing, names)
    except ValueError as err:
        raise UsageError(
            argument="model", received=err, expected="one that a classifier can hold"
        ) from err
    for one in assumed:
        _log.info("%s: %s", model.name, one)
    return Classifier(model, preprocessing, names, {"from_keras": made})


def _check_model(model) -> None:
    """Refuses what is no graph from one image."""
    if not is_graph(model):
        raise UsageError(
            argument="model",
            received=type(model).__name__,
            expected="a built functional or sequential Keras model",
        )
    shapes = [tuple(image.shape) for image in model.inputs]
    if len(shapes) != 1:
        names = ", ".join(image.name for image in model.inputs)
        raise UsageError(
            argument="model",
            received=f"{len(shapes)} inputs: {names}",
            expected="a model with one input, an image",
        )
    if len(shapes[0]) != 4 or shapes[0][-1] not in (1, 3):
        raise UsageError(
            argument="model",
            received=f"input of shape {shapes[0]}",
            expected="a model of images (batch, height, width, channels) with three "
            "channels, or one",
        )


def _with_one_output(model, output):
    """Returns the model, or the part of it that ends in the output that is named."""
    names = [tensor._keras_history.operation.name for tensor in model.outputs]
    if output is None and len(names) == 1:
        return model
    if names.count(output) != 1:
        raise UsageError(
            argument="output",
            received="none" if output is None else repr(output),
            expected=f"the name of one of the model's outputs: {', '.join(names)}",
            remedy="" if output else "Commands take it as --output.",
        )
    chosen = model.outputs[names.index(output)]
    return keras.Model(model.inputs[0], chosen, name=model.name)


def _with_fixed_size(model, assumed):
    """Returns a model over the same layers of a free batch and a fixed image size."""
    image = model.inputs[0]
    batch, height, width, channels = image.shape
    if batch is None and None not in (height, width):
        return model
    if None in (height, width):
        height, width = height or USUAL_SIZE, width or USUAL_SIZE
        assumed.append(
            f"it takes images of any size and is given {height} x {width} pixels"
        )
    if batch is not None:
        assumed.append(f"its fixed batch of {batch} is made free")
    fixed = keras.Input((height, width, channels), dtype=image.dtype, name=image.name)
    functional = keras.Model(image, model.outputs[0], name=model.name)
    try:
        return keras.models.clone_model(
            functional, input_tensors=fixed, clone_function=lambda layer: layer
        )
    except (TypeError, ValueError) as err:
        raise UsageError(
            argument="model",
            received=f"{type(err).__name__} for {fixed.shape}",
            expected=f"one that takes a batch of any size, of {height} x {width} "
            "pixels",
        ) from err


def _known_outputs(model, outputs, compiled, assumed) -> str:
    """Decides what the model answers with; refuses what contradicts its last layer."""
    if len(model.output_shape) != 2 or model.output_shape[-1] is None:
        raise UsageError(
            argument="model",
            received=f"output of shape {model.output_shape}",
            expected="a model that answers (batch, classes)",
            remedy="Put a pool and a Dense layer with a softmax behind its maps.",
        )
    if outputs not in (None, *OUTPUTS):
        raise UsageError(
            argument="outputs",
            received=repr(outputs),
            expected=f"one of {', '.join(OUTPUTS)}",
        )
    found, described = answers_of(model)
    if outputs is None and found == "logits" and says_from_logits(compiled):
        assumed.append("it answers with logits, as its compiled loss says from_logits")
        return "logits"
    if outputs is None and found is None:
        assumed.append(f"it answers with probabilities: it has {described}")
        return "probabilities"
    if (outputs or "probabilities") == (found or outputs):
        return found or outputs
    remedy = (
        'outputs="logits" (--outputs logits) puts a softmax behind it.'
        if found == "logits"
        else "Leave it out."
    )
    raise UsageError(
        argument="outputs",
        received=f"{outputs or 'none'}, for {described}",
        expected=f"{found}, which the last layer gives",
        remedy=remedy,
    )


def _class_names(given, units, assumed) -> tuple[str, ...]:
    """Returns a name of each class; the classes are numbered if no names are given."""
    if isinstance(given, str | os.PathLike):
        given = _read_names(Path(given))
    count = 2 if units == 1 else units
    if given is None and units > 1:
        assumed.append("its classes are numbered, as no class names are given")
        given = [f"class {number}" for number in range(count)]
    names = tuple(given or ())
    if len(names) != count or not all(isinstance(name, str) for name in names):
        raise UsageError(
            argument="class_names",
            received=f"{len(names)} names",
            expected="two names, of the class of answer 0 and of that of answer 1"
            if units == 1
            else f"{count} names, one for each class",
            remedy="Commands take a file of them, one a line: --class-names.",
        )
    return in_english(names)


def _read_names(path: Path) -> list[str]:
    """Reads one class name a line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as err:
        raise UsageError(
            argument="class_names",
            received=f"{path}, which is no text in UTF-8",
            expected="a file of names, one a line",
        ) from err
    return [line.strip() for line in lines if line.strip()]


def _with_probabilities(model, outputs):
    """Returns a model that answers (batch, classes) with probabilities.

    One unit becomes two: the probability of class 0, then that of class 1.
    """
    (answer,) = model.outputs
    is_single = answer.shape[-1] == 1
    if outputs == "logits":
        activation = "sigmoid" if is_single else "softmax"
        answer = keras.layers.Activation(
            activation, dtype="float32", name="probability" if is_single else activation
        )(answer)
    if is_single:
        other = keras.layers.Rescaling(-1.0, 1.0, name="complement", dtype="float32")
        both = keras.layers.Concatenate(name="probabilities", dtype="float32")
        answer = both([other(answer), answer])
    if answer is model.outputs[0]:
        return model
    return keras.Model(model.inputs[0], answer, name=model.name)
