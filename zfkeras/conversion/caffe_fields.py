"""Fields of Caffe's messages, whether they came as bytes or as text.

It knows defaults and forms of fields, not what layers do.
"""

from collections.abc import Sequence

import numpy as np

from zfkeras.conversion.caffe_schema import V1_TYPES
from zfkeras.conversion.wire import Message
from zfkeras.errors import UsageError

_NUMBER = (int, float, bool)


def layers_of(net: Message) -> list[Message]:
    """The layers of a network, of either form.

    Args:
        net: a `NetParameter`.

    Raises:
        UsageError: there are none, or they are of the form before both.
    """
    layers = net.get("layer") or net.get("layers") or []
    if not layers or not all(isinstance(layer, dict) for layer in layers):
        raise UsageError("there are no layers in it")
    if any("layer" in layer for layer in layers):
        raise UsageError(
            "its layers are of the form before 2014; Caffe's upgrade_net_proto_binary "
            "renews it"
        )
    return layers


def kind_of(layer: Message) -> str:
    """What a layer does, in the words of the newer form.

    Args:
        layer: of either form.
    """
    kind = one(layer, "type", None)
    for number, (old, new) in V1_TYPES.items():
        if kind in (number, old):
            return new
    return str(kind)


def where_of(layer: Message) -> str:
    """How messages call a layer: kind and name.

    Args:
        layer: of either form.
    """
    return f"{kind_of(layer)} layer {one(layer, 'name', '')!r}"


def input_shape_of(net: Message) -> tuple[int, ...] | None:
    """The shape of a network's input, where it is not a layer.

    Args:
        net: a `NetParameter`.

    Returns:
        (batch, channels, height, width), or `None` where it is not said.
    """
    shapes = net.get("input_shape")
    if shapes:
        return tuple(all_of(shapes[0], "dim"))
    return tuple(all_of(net, "input_dim")[:4]) or None


def array_of(blob: Message) -> np.ndarray:
    """The numbers of a blob, float32, in the shape it says.

    Args:
        blob: a `BlobProto`.

    Raises:
        UsageError: they are more or fewer than the shape has place for.
    """
    runs = blob.get("data") or blob.get("double_data") or []
    values = [np.atleast_1d(np.asarray(run, np.float32)) for run in runs]
    values = np.concatenate(values) if values else np.zeros(0, np.float32)
    if "shape" in blob:
        shape = tuple(all_of(blob["shape"][0], "dim"))
    else:
        names = ("num", "channels", "height", "width")
        shape = tuple(one(blob, name, 0) for name in names)
    count = 1
    for size in shape:
        count *= size
    if not shape or min(shape) < 1 or count != values.size:
        raise UsageError(f"{values.size} numbers do not fit a shape of {shape}")
    return values.reshape(shape)


def one(message: Message, name: str, default):
    """The last value of a field, as protocol buffers have it.

    Args:
        message: that may have the field.
        name: of the field.
        default: what stands in for it; of the kind that it must be, `None` for any.

    Raises:
        UsageError: the value is of another kind.
    """
    values = message.get(name)
    if not values:
        return default
    value = values[-1]
    wanted = type(default)
    if default is not None and not isinstance(value, wanted):
        if wanted not in _NUMBER or not isinstance(value, _NUMBER):
            raise UsageError(f"{name} must be {wanted.__name__}. Received: {value!r}")
    return value


def all_of(message: Message, name: str) -> list:
    """All numbers of a field.

    Args:
        message: that may have the field.
        name: of the field.

    Raises:
        UsageError: they are no numbers.
    """
    found = []
    for value in message.get(name, ()):
        found += value.tolist() if isinstance(value, np.ndarray) else [value]
    if not all(isinstance(value, _NUMBER) for value in found):
        raise UsageError(f"{name} must be numbers. Received: {found}")
    return found


def size_of(message: Message, name: str, default: int | None, where: str) -> tuple:
    """A size: one number, two of them, or two fields, such as kernel_h and kernel_w.

    Args:
        message: a layer's parameters.
        name: "kernel_size", "stride" or "pad".
        default: for both. `None`: there is none.
        where: the layer, for messages.

    Returns:
        (vertical, horizontal).

    Raises:
        UsageError: they are no whole numbers from 1, or from 0 for "pad".
    """
    word = name.removesuffix("_size")
    fields = (f"{word}_h", f"{word}_w")
    values = all_of(message, name) or [default]
    if any(field in message for field in fields):
        values = [one(message, field, default) for field in fields]
    size = (values[0], values[-1])
    low = 0 if name == "pad" else 1
    if len(values) > 2 or not all(type(x) is int and x >= low for x in size):
        raise UsageError(f"{where} must have {name} from {low}. Received: {values}")
    return size


def choice_of(message: Message, name: str, words: Sequence[str], where: str) -> str:
    """The word of an enumeration's value, the first where there is none.

    Args:
        message: a layer's parameters.
        name: of the field.
        words: of the enumeration, from number 0.
        where: the layer, for messages.

    Raises:
        UsageError: the value is none of them.
    """
    value = one(message, name, None)
    if value is None or value in words:
        return value or words[0]
    if type(value) is int and 0 <= value < len(words):
        return words[value]
    raise UsageError(f"{where} has the unknown {name} {value!r}")
