"""What a node of an ONNX graph says of itself: name, attributes, windows, padding.

It reads no weights and keeps no order; operations.py and reader.py do.
"""

import json
from collections.abc import Iterable

import onnx

from zfkeras.conversion.network import Padding
from zfkeras.errors import UsageError

# The metadata in which our own files say what ONNX has no place for.
CARD = "zfkeras"


def where_of(node: onnx.NodeProto) -> str:
    """Returns the node's kind, name and weights, for messages."""
    weights = f" ({node.input[1]})" if len(node.input) > 1 else ""
    name = node.name or [*node.output, ""][0]
    return f"{node.op_type} node {name!r}{weights}"


def attributes_of(node: onnx.NodeProto) -> dict:
    """Returns the node's attributes that the file gives, by name."""
    return {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}


def pair_of(values: Iterable, where: str) -> tuple[int, int]:
    """Checks a size (vertical, horizontal), both at least 1."""
    pair = tuple(int(value) for value in values)
    if len(pair) != 2 or min(pair) < 1:
        raise UsageError(f"{where} must be two-dimensional. Received: {pair}")
    return pair


def padding_of(attributes: dict, where: str) -> Padding:
    """Returns the padding of a convolution or pool."""
    if any(step != 1 for step in attributes.get("dilations", ())):
        raise UsageError(f"{where} must not be dilated")
    auto = attributes.get("auto_pad", b"NOTSET").decode(errors="replace")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        return Padding(mode=auto.lower())
    given = attributes.get("pads", (0, 0, 0, 0)) if auto == "NOTSET" else (0, 0, 0, 0)
    pads = tuple(int(pad) for pad in given)
    if len(pads) != 4 or min(pads) < 0 or auto not in ("NOTSET", "VALID"):
        raise UsageError(
            f"{where} must have four pads from 0. Received: {pads}, {auto}"
        )
    mode = "ceil" if attributes.get("ceil_mode", 0) else "explicit"
    return Padding(pads[:2], pads[2:], mode)


def card_of(model: onnx.ModelProto) -> dict:
    """Returns the metadata of a file that we wrote; {} for other files."""
    text = {entry.key: entry.value for entry in model.metadata_props}.get(CARD, "{}")
    try:
        card = json.loads(text)
        names = card.get("class_names")
        if names is not None:
            card["class_names"] = tuple(str(name) for name in names)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return card
