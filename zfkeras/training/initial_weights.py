"""The weights of a run that starts from a trained network, not from random ones.

To train it further or, with a new softmax, for other classes. It trains nothing.
"""

import logging

import keras

from zfkeras.errors import UsageError
from zfkeras.models.classifier import Classifier
from zfkeras.models.presets import load
from zfkeras.training.config import TrainConfig
from zfkeras.training.distributed.workers import Workers

logger = logging.getLogger(__name__)


def start_from(
    config: TrainConfig,
    model: keras.Model,
    class_names: tuple[str, ...],
    workers: Workers,
) -> None:
    """Gives a run's network the weights that `config.model.weights` names, if any.

    Of several workers only the chief reads the file.
    """
    name = config.model.weights
    if name is None:
        return

    def read():
        trained = load(name)
        take_weights(model, trained, class_names)
        scale = trained.preprocessing.input_scale
        if scale != config.data.input_scale:
            raise UsageError(
                f"model.weights={name} was trained on inputs scaled by {scale:g}, not "
                f"by {config.data.input_scale:g}; add --set data.input_scale={scale!r}."
            )

    workers.from_chief(read)
    arrays = {str(place): array for place, array in enumerate(model.get_weights())}
    model.set_weights(list(workers.arrays_from_chief(arrays, arrays).values()))


def take_weights(
    model: keras.Model, trained: Classifier, class_names: tuple[str, ...]
) -> None:
    """Gives a network the weights of a trained one, layer by layer.

    The softmax is taken only if it is for the same classes in the same order; it keeps
    its random weights otherwise, as the new one of sec. 5.2 of the paper.
    """
    found, wanted = _with_weights(trained.model), _with_weights(model)
    is_for_same_classes = trained.class_names == tuple(class_names)
    if not is_for_same_classes:
        found.pop("predictions", None)
        del wanted["predictions"]
    differing = [
        name
        for name in dict.fromkeys([*wanted, *found])
        if _shapes(found.get(name)) != _shapes(wanted.get(name))
    ]
    if differing:
        raise UsageError(
            f"model.weights must be of a network with the layers of {model.name}. "
            f"Received: a {trained.model.name}, which differs in "
            f"{', '.join(differing)}. --weights random starts without it."
        )
    for name, layer in wanted.items():
        layer.set_weights(found[name].get_weights())
    softmax = (
        "that of its softmax, too" if is_for_same_classes else "with a new softmax"
    )
    logger.info("starting from the weights of a %s, %s", trained.model.name, softmax)


def _with_weights(model):
    return {layer.name: layer for layer in model.layers if layer.weights}


def _shapes(layer):
    return layer and [tuple(weight.shape) for weight in layer.weights]
