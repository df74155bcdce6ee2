"""Caffe's files, written byte by byte for the tests, and what Caffe would answer.

Nothing here imports the project: field numbers are those of Caffe's file format.
"""

import struct

import numpy as np
from scipy import signal


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def field(number: int, value) -> bytes:
    """A field: whole numbers as varints, floats as four bytes, the rest with length."""
    if isinstance(value, bool | int | np.integer):
        return varint(number << 3) + varint(int(value))
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def message(*fields) -> bytes:
    """A message of (number, value) pairs."""
    return b"".join(field(number, value) for number, value in fields)


def blob(array, form: str = "shape") -> bytes:
    """A `BlobProto`; `form` is "shape", "old" (num, channels, ...) or "double"."""
    array = np.asarray(array, np.float32)
    if form == "old":
        sizes = (1,) * (4 - array.ndim) + array.shape
        head = message(*zip((1, 2, 3, 4), sizes, strict=True))
    else:
        dims = b"".join(varint(size) for size in array.shape)
        head = message((7, message((1, dims))))
    if form == "double":
        return head + message((8, array.astype("<f8").tobytes()))
    return message((5, array.astype("<f4").tobytes())) + head


# Kind -> its number of old, the field of its parameters in the new and the old form.
KINDS = {
    "Convolution": (4, 106, 10),
    "ReLU": (18, 123, 30),
    "LRN": (15, 118, 18),
    "Pooling": (17, 121, 19),
    "InnerProduct": (14, 117, 17),
    "Dropout": (6, 108, 12),
    "Softmax": (20, 125, 39),
    "SoftmaxWithLoss": (21, 125, 39),
    "Data": (5, 107, 11),
    "Split": (22, 0, 0),
    "Accuracy": (1, 102, 27),
    "Sigmoid": (19, 124, 38),
    "Input": (0, 143, 0),
}


def layer(kind, name, bottoms, tops, parameters=(), arrays=(), old=False, more=()):
    """A `LayerParameter`, or a `V1LayerParameter` where `old`."""
    number, new_field, old_field = KINDS[kind]
    if old:
        places, type_field = (4, 2, 3, 6), (5, number)
    else:
        places, type_field = (1, 3, 4, 7), (2, kind)
    fields = [(places[0], name), type_field]
    fields += [(places[1], bottom) for bottom in bottoms]
    fields += [(places[2], top) for top in tops]
    fields += [(places[3], blob(array, "old" if old else "shape")) for array in arrays]
    if parameters:
        fields.append((old_field if old else new_field, message(*parameters)))
    return message(*fields, *more)


def net(layers, old=False, fields=()) -> bytes:
    """A `NetParameter`."""
    return message((1, "net"), *fields, *[(2 if old else 100, x) for x in layers])


class Tiny:
    """A ZFNet in miniature, of random weights, in Caffe's arrays.

    Input 3x31x31; conv1 7x7/2 pad 1, pool1 3x3/2 (Caffe rounds up), norm1, conv2 3x3
    pad 1 in two groups, fc6, fc8.
    """

    size = 31

    def __init__(self, seed: int = 0):
        random = np.random.default_rng(seed)

        def normal(*shape):
            spread = np.sqrt(2 / np.prod(shape[1:]))
            return random.normal(0, spread, shape).astype(np.float32)

        self.conv1, self.conv2 = normal(8, 3, 7, 7), normal(6, 4, 3, 3)
        self.fc6, self.fc8 = normal(10, 6 * 7 * 7), normal(5, 10)
        self.biases = [
            random.normal(0, 0.3, n).astype(np.float32) for n in (8, 6, 10, 5)
        ]

    def layers(self, old=False, loss=False, names=None) -> list[bytes]:
        """The layers, in the new form or the old; `loss` as a training run has it."""
        b1, b2, b6, b8 = self.biases
        dense = [
            array.reshape(1, 1, *array.shape) if old else array
            for array in (self.fc6, self.fc8)
        ]
        last = ("SoftmaxWithLoss", "loss", ["fc8", "label"], ["loss"])
        kinds = [
            (
                "Convolution",
                "conv1",
                ["data"],
                ["conv1"],
                [(1, 8), (3, 1), (4, 7), (6, 2)],
                [self.conv1, b1],
            ),
            ("ReLU", "relu1", ["conv1"], ["conv1"]),
            ("Pooling", "pool1", ["conv1"], ["pool1"], [(1, 0), (2, 3), (3, 2)]),
            ("LRN", "norm1", ["pool1"], ["norm1"], [(1, 5), (2, 0.5), (3, 0.75)]),
            (
                "Convolution",
                "conv2",
                ["norm1"],
                ["conv2"],
                [(1, 6), (9, 1), (10, 1), (11, 3), (12, 3), (5, 2)],
                [self.conv2, b2],
            ),
            ("ReLU", "relu2", ["conv2"], ["conv2"]),
            ("InnerProduct", "fc6", ["conv2"], ["fc6"], [(1, 10)], [dense[0], b6]),
            ("ReLU", "relu6", ["fc6"], ["fc6"]),
            ("Dropout", "drop6", ["fc6"], ["fc6"], [(1, 0.4)]),
            ("InnerProduct", "fc8", ["fc6"], ["fc8"], [(1, 5)], [dense[1], b8]),
            last if loss else ("Softmax", "prob", ["fc8"], ["prob"]),
        ]
        return [layer(*kind, old=old) for kind in kinds]

    def logits(self, planes: np.ndarray) -> np.ndarray:
        """What Caffe computes for one image (3, 31, 31), in float64, by SciPy."""
        b1, b2, b6, b8 = self.biases
        x = correlate(np.pad(planes, ((0, 0), (1, 1), (1, 1))), self.conv1, b1, 2)
        x = caffe_norm(caffe_pool(np.maximum(x, 0)), 5, 0.5, 0.75)
        x = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        halves = [
            correlate(
                x[4 * i : 4 * i + 4],
                self.conv2[3 * i : 3 * i + 3],
                b2[3 * i : 3 * i + 3],
                1,
            )
            for i in range(2)
        ]
        x = np.maximum(np.concatenate(halves), 0)
        x = np.maximum(self.fc6 @ x.ravel() + b6, 0)
        return self.fc8 @ x + b8


def correlate(planes, filters, bias, stride):
    """A valid convolution as networks mean it, channels first."""
    maps = [
        sum(
            signal.correlate2d(plane.astype(float), kernel, "valid")
            for plane, kernel in zip(planes, one, strict=True)
        )[::stride, ::stride]
        for one in filters
    ]
    return np.stack(maps) + bias[:, None, None]


def caffe_pool(maps, window=3, stride=2):
    """Max pooling, where the last window may hang over the edge."""
    count = -(-(maps.shape[1] - window) // stride) + 1
    starts = [stride * i for i in range(count)]
    return np.stack(
        [
            [maps[:, y : y + window, x : x + window].max(axis=(1, 2)) for x in starts]
            for y in starts
        ]
    ).transpose(2, 0, 1)


def caffe_norm(maps, size, alpha, beta, k=1.0):
    """Across channels; Caffe divides alpha by the size."""
    out = np.zeros_like(maps)
    for c in range(len(maps)):
        near = maps[max(c - size // 2, 0) : c + size // 2 + 1]
        out[c] = maps[c] / (k + alpha / size * (near**2).sum(axis=0)) ** beta
    return out
