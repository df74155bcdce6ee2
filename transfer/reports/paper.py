"""What the paper's Tables 4 to 7 say, as data: accuracies and spreads as fractions.

"+/-" is not explained in the paper; it is taken for a standard deviation over folds.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """A mean per-class accuracy and its spread; `None` where the paper gives none."""

    mean: float
    std: float | None = None


def _percent(mean, std=None):
    return Accuracy(round(mean / 100, 5), None if std is None else round(std / 100, 5))


#: Data set -> images per class -> the pretrained network's accuracy (Tables 4 and 5).
PRETRAINED = {
    "caltech101": {15: _percent(83.8, 0.5), 30: _percent(86.5, 0.5)},
    "caltech256": {
        15: _percent(65.7, 0.2),
        30: _percent(70.6, 0.2),
        45: _percent(72.7, 0.4),
        60: _percent(74.2, 0.3),
    },
}
#: The same network trained on the target alone.
FROM_SCRATCH = {
    "caltech101": {15: _percent(22.8, 1.5), 30: _percent(46.5, 1.7)},
    "caltech256": {
        15: _percent(9.0, 1.4),
        30: _percent(22.5, 0.7),
        45: _percent(31.2, 0.5),
        60: _percent(38.8, 1.4),
    },
}
#: Table 7: data set -> (head, layer) -> accuracy, at these images per class.
BY_LAYER_N_TRAIN = {"caltech101": 30, "caltech256": 60}
BY_LAYER = {
    "caltech101": {
        ("svm", 1): _percent(44.8, 0.7),
        ("svm", 2): _percent(66.2, 0.5),
        ("svm", 3): _percent(72.3, 0.4),
        ("svm", 4): _percent(76.6, 0.4),
        ("svm", 5): _percent(86.2, 0.8),
        ("svm", 7): _percent(85.5, 0.4),
        ("softmax", 5): _percent(82.9, 0.4),
        ("softmax", 7): _percent(85.4, 0.4),
    },
    "caltech256": {
        ("svm", 1): _percent(24.6, 0.4),
        ("svm", 2): _percent(39.6, 0.3),
        ("svm", 3): _percent(46.0, 0.3),
        ("svm", 4): _percent(51.3, 0.1),
        ("svm", 5): _percent(65.6, 0.3),
        ("svm", 7): _percent(71.7, 0.2),
        ("softmax", 5): _percent(65.7, 0.5),
        ("softmax", 7): _percent(72.6, 0.1),
    },
}


def data_set(spec: str) -> str:
    """Names the data set of a spec: "caltech101", whoever provides it."""
    prefix, _, rest = spec.partition(":")
    return rest.partition(":")[0] if prefix == "tfds" else prefix


#: Classes of a whole data set, without the background and with it.
NUM_CLASSES = {"caltech101": (101, 102), "caltech256": (256, 257)}


def reported_set(spec: str, num_classes: int) -> str | None:
    """Names the paper's data set, if these images are the whole of it."""
    name = data_set(spec)
    return name if num_classes in NUM_CLASSES.get(name, ()) else None


def paper_accuracy(
    data_set: str | None,
    head: str,
    layer: int,
    n_train_per_class: int,
    *,
    by_layer: bool = True,
) -> Accuracy | None:
    """Returns what the paper reports for a head on a layer of its network.

    For a softmax on layer 7 it reports two numbers: 85.4 % in Table 7, 86.5 % in Table
    4 for Caltech-101 (sec. 5.2, 5.3), and gives no reason.
    """
    rows = []
    if n_train_per_class == BY_LAYER_N_TRAIN.get(data_set):
        rows.append(BY_LAYER[data_set].get((head, layer)))
    if (head, layer) == ("softmax", 7):
        rows.append(PRETRAINED.get(data_set, {}).get(n_train_per_class))
    rows = [row for row in rows if row is not None]
    return rows[0 if by_layer else -1] if rows else None


# Percent: Sande et al. 2012, Yan et al. 2012, the paper's network.
_PASCAL_PERCENT = {
    "aeroplane": (92.0, 97.3, 96.0),
    "bicycle": (74.2, 84.2, 77.1),
    "bird": (73.0, 80.8, 88.4),
    "boat": (77.5, 85.3, 85.5),
    "bottle": (54.3, 60.8, 55.8),
    "bus": (85.2, 89.9, 85.8),
    "car": (81.9, 86.8, 78.6),
    "cat": (76.4, 89.3, 91.2),
    "chair": (65.2, 75.4, 65.0),
    "cow": (63.2, 77.8, 74.4),
    "diningtable": (63.2, 77.8, 67.7),
    "dog": (68.9, 83.0, 87.8),
    "horse": (78.2, 87.5, 86.0),
    "motorbike": (81.0, 90.1, 85.1),
    "person": (91.6, 95.0, 90.9),
    "pottedplant": (55.9, 57.8, 52.2),
    "sheep": (69.4, 79.2, 83.6),
    "sofa": (65.4, 73.4, 61.1),
    "train": (86.7, 94.5, 91.8),
    "tvmonitor": (77.4, 80.7, 76.1),
}
#: Whose results stand beside the paper's in Table 6.
PASCAL_PEERS = ("Sande et al. 2012", "Yan et al. 2012")
#: Table 6: class -> (the two peers, the paper's network), fractions. The peers' numbers
#: of diningtable are those of cow, a slip of the paper that its means give away.
PASCAL = {
    name: tuple(round(value / 100, 3) for value in row)
    for name, row in _PASCAL_PERCENT.items()
}
#: The means that Table 6 prints, in the same order.
PASCAL_MEANS = (0.743, 0.822, 0.790)
