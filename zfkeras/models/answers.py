"""What the answers of a network are: probabilities, logits, or not known."""

import keras

from zfkeras.errors import UsageError

# Activations whose values are probabilities.
_PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid", "sparsemax")

# Layers behind which values are what they were, or means of them.
_UNCHANGING = (
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Identity,
    keras.layers.Reshape,
)


def answers_of(model: keras.Model) -> tuple[str | None, str]:
    """Tells what a network answers with, and which layer says so.

    Returns "probabilities", "logits", or `None` for an activation that Keras does not
    have; and a description of the last layer that changes values.
    """
    operation = _find_answering(model)
    activation = getattr(operation, "activation", None)
    name = getattr(activation, "__name__", "none")
    is_known = getattr(keras.activations, name, None) is activation
    described = f"a last layer {operation.name!r} with the activation {name!r}"
    if activation is None:
        # A layer with weights gives any values, unless its activation says otherwise.
        is_bare = bool(getattr(operation, "weights", ()))
        return ("logits" if is_bare else "probabilities"), described
    if not is_known:
        return None, described
    return ("probabilities" if name in _PROBABILITIES else "logits"), described


def check_answers(path, model: keras.Model) -> None:
    """Refuses a network that answers with logits."""
    kind, described = answers_of(model)
    if kind == "logits":
        raise UsageError(
            f"{path}: the network must answer with probabilities. Received: "
            f"{described}. Add a keras.layers.Softmax() behind it.",
            argument=str(path),
            received=described,
        )


def says_from_logits(compiled) -> bool:
    """Tells whether the loss of a compile config, as Keras writes it, takes logits."""
    if isinstance(compiled, dict):
        return compiled.get("from_logits") is True or says_from_logits(
            [*compiled.values()]
        )
    return isinstance(compiled, list) and any(map(says_from_logits, compiled))


def _find_answering(model: keras.Model):
    """Returns the last operation that changes values, in nested models too."""
    tensor = model.outputs[0]
    while True:
        operation = tensor._keras_history.operation
        if hasattr(operation, "layers"):
            tensor = operation.outputs[0]
            continue
        activation = getattr(operation, "activation", None)
        is_linear = isinstance(operation, keras.layers.Activation) and (
            activation is keras.activations.linear
        )
        if not (is_linear or isinstance(operation, _UNCHANGING)):
            return operation
        tensor = operation.input
