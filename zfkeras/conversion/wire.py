"""Protocol buffers by hand: a message's bytes to names and values, by a table.

It knows what the wire format says and no message; unknown fields are passed over.
"""

import struct
from collections.abc import Iterator, Mapping

import numpy as np

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_PACKED = {"float": np.dtype("<f4"), "double": np.dtype("<f8")}

Message = dict[str, list]


class Malformed(ValueError):
    """Bytes that are no protocol buffer, or were cut short."""


def decode(content: bytes | memoryview, schema: Mapping) -> Message:
    """Reads a message.

    Args:
        content: its bytes.
        schema: number of a field -> (name, kind). A kind is "int", "float", "double" or
            "string", or the schema of a message.

    Returns:
        Name -> values in the file's order; packed floats are NumPy arrays, one for each
        run of them.

    Raises:
        Malformed: the bytes are no such message.

    Example:
        >>> decode(bytes([8, 150, 1]), {1: ("height", "int")})
        {'height': [150]}
    """
    message = {}
    for number, wire, value in _fields(memoryview(content)):
        if number in schema:
            name, kind = schema[number]
            message.setdefault(name, []).extend(_values(kind, wire, value))
    return message


def _values(kind, wire, value) -> list:
    if isinstance(kind, Mapping):
        return [decode(_expected(wire, _BYTES, value), kind)]
    if kind == "string":
        return [bytes(_expected(wire, _BYTES, value)).decode("utf-8", "replace")]
    if kind == "int":
        if wire == _BYTES:
            return [*_varints(value)]
        return [_signed(_expected(wire, _VARINT, value))]
    dtype = _PACKED[kind]
    if wire == _BYTES:
        if len(value) % dtype.itemsize:
            raise Malformed("numbers are cut short")
        return [np.frombuffer(value, dtype)]
    fixed = _FIXED32 if kind == "float" else _FIXED64
    return [np.frombuffer(_expected(wire, fixed, value), dtype)[0].item()]


def _fields(content) -> Iterator[tuple]:
    """(number, wire type, value) of each field; fixed numbers stay bytes."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(content, place)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, place = _varint(content, place)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise Malformed(f"wire type {wire}")
        if number == 0 or size > len(content) - place:
            raise Malformed("a field is longer than what is left")
        yield number, wire, content[place : place + size]
        place += size


def _varint(content, place) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if place >= len(content):
            raise Malformed("a number is cut short")
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), place
        shift += 7
    raise Malformed("a number has no end")


def _varints(content) -> Iterator[int]:
    place = 0
    while place < len(content):
        value, place = _varint(content, place)
        yield _signed(value)


def _signed(value: int) -> int:
    return struct.unpack("<q", struct.pack("<Q", value))[0]


def _expected(wire, wanted, value):
    if wire != wanted:
        raise Malformed(f"wire type {wire} in place of {wanted}")
    return value
