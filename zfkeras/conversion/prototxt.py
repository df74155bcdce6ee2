"""Protocol buffers as text: Caffe's .prototxt, to the same names and values as wire.py.

It checks the form alone; whether a field exists is for whoever reads the message.
"""

import re

from zfkeras.conversion.wire import Malformed, Message

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"|(?P<word>[\w.+-]+)|(?P<mark>[{}:\[\],;])"
)
_MAX_DEPTH = 20


def parse(text: str) -> Message:
    """Reads a message.

    Args:
        text: of the whole file.

    Returns:
        Name -> values: numbers, text (of strings and of enumerations alike) and
        messages.

    Raises:
        Malformed: the text is no message.

    Example:
        >>> parse('input_dim: 1 pooling_param { pool: MAX }')
        {'input_dim': [1], 'pooling_param': [{'pool': ['MAX']}]}
    """
    tokens = _tokens(text)
    message, place = _message(tokens, 0, 0)
    if place != len(tokens):
        raise Malformed("a } too many")
    return message


def _tokens(text) -> list[tuple[str, str]]:
    tokens, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            line = text.count("\n", 0, place) + 1
            raise Malformed(f"line {line} is not understood")
        if match.lastgroup is not None and match[0] not in ",;":
            tokens.append((match.lastgroup, match[0]))
        place = match.end()
    return tokens


def _message(tokens, place, depth) -> tuple[Message, int]:
    if depth > _MAX_DEPTH:
        raise Malformed("too many { inside one another")
    message = {}
    while place < len(tokens) and tokens[place] != ("mark", "}"):
        kind, name = tokens[place]
        if kind != "word":
            raise Malformed(f"{name} in place of a name")
        place += 1
        has_colon = tokens[place : place + 1] == [("mark", ":")]
        place += has_colon
        values = message.setdefault(name, [])
        if tokens[place : place + 1] == [("mark", "{")]:
            value, place = _message(tokens, place + 1, depth + 1)
            if place >= len(tokens):
                raise Malformed("a } is missing")
            values.append(value)
            place += 1
        elif has_colon and tokens[place : place + 1] == [("mark", "[")]:
            place += 1
            while place < len(tokens) and tokens[place][0] != "mark":
                values.append(_scalar(*tokens[place]))
                place += 1
            if tokens[place : place + 1] != [("mark", "]")]:
                raise Malformed("a ] is missing")
            place += 1
        elif has_colon and place < len(tokens) and tokens[place][0] != "mark":
            values.append(_scalar(*tokens[place]))
            place += 1
        else:
            raise Malformed(f"{name} has no value")
    return message, place


def _scalar(kind, text):
    if kind == "string":
        return text[1:-1]
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            pass
    return {"true": True, "false": False}.get(text, text)
