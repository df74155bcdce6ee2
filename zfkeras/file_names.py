"""Names of files for what a stranger has named: a layer, whatever it is called."""

import hashlib
from numbers import Integral
from urllib.parse import quote

_LONGEST = 80  # of a file's 255 bytes; the rest is for what is put before and behind
_MARK = "="  # which quoting leaves nowhere else
_DIGITS = 16


def file_name_of(name: str) -> str:
    """A part of a file's name for any text; two texts never have the same.

    Letters, digits and "_.-~" of ASCII stay, all else becomes %XX as in URLs. What has
    capitals, which many disks do not tell from small letters, or would be longer than
    97 characters, is cut to 80 and ends in "=" and a digest of the whole.

    Args:
        name: any text.

    Returns:
        Text of 0 to 97 characters. To be put behind others: by itself it may be empty,
        or begin with a dot.

    Example:
        >>> file_name_of("block1/conv 1")
        'block1%2Fconv%201'
    """
    quoted = quote(name, safe="", errors="surrogatepass")
    is_short = len(quoted) <= _LONGEST + len(_MARK) + _DIGITS
    if is_short and name == name.lower():
        return quoted
    digest = hashlib.sha256(quoted.encode()).hexdigest()[:_DIGITS]
    return f"{quoted[:_LONGEST]}{_MARK}{digest}"


def layer_stem(layer: int | str) -> str:
    """What the names of a layer's files begin with.

    Args:
        layer: as it was asked for: the paper's number or a name.

    Returns:
        "layer5", or "layer-" and the name as `file_name_of` writes it, so that no
        name is taken for a number or for another file of a command.
    """
    if isinstance(layer, Integral):
        return f"layer{layer}"
    return f"layer-{file_name_of(layer)}"
