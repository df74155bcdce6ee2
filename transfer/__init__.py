"""Features of a trained network's layers, and softmax and SVM heads on them.

Names are loaded on first use, so that `--help` never waits for scikit-learn.
"""

from typing import TYPE_CHECKING

from zfkeras.io.extras import load_name

_HOMES = {
    "ConvFeatures": "transfer.features.conv_features",
    "SVMHead": "transfer.heads.svm",
    "SoftmaxHead": "transfer.heads.softmax",
    "average_precision": "transfer.protocols.average_precision",
    "gram_matrix": "transfer.heads.solver.gram",
    "load_head": "transfer.heads.storage",
    "mean_per_class_accuracy": "transfer.protocols.accuracy",
    "register_head": "transfer.heads.register",
    "save_head": "transfer.heads.storage",
}

__all__ = [
    "ConvFeatures",
    "SVMHead",
    "SoftmaxHead",
    "average_precision",
    "gram_matrix",
    "load_head",
    "mean_per_class_accuracy",
    "register_head",
    "save_head",
]

if TYPE_CHECKING:
    from transfer.features.conv_features import ConvFeatures
    from transfer.heads.register import register_head
    from transfer.heads.softmax import SoftmaxHead
    from transfer.heads.solver.gram import gram_matrix
    from transfer.heads.storage import load_head, save_head
    from transfer.heads.svm import SVMHead
    from transfer.protocols.accuracy import mean_per_class_accuracy
    from transfer.protocols.average_precision import average_precision


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'transfer' has no attribute {name!r}")
    return load_name(_HOMES[name], name)


def __dir__():
    return sorted([*globals(), *__all__])
