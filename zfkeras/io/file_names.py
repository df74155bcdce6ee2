"""Names of files for what a stranger has named: a layer, whatever it is called."""

import hashlib
from numbers import Integral
from urllib.parse import quote

_LONGEST = 80  # of a file's 255 bytes; the rest is for what is put before and behind
_MARK = "="  # which quoting leaves nowhere else
_DIGITS = 16


def file_name_of(name: str) -> str:
    """Encodes any text as a unique part (0 to 97 characters) of a file's name."""
    quoted = quote(name, safe="", errors="surrogatepass")
    is_short = len(quoted) <= _LONGEST + len(_MARK) + _DIGITS
    if is_short and name == name.lower():
        return quoted
    digest = hashlib.sha256(quoted.encode()).hexdigest()[:_DIGITS]
    return f"{quoted[:_LONGEST]}{_MARK}{digest}"


def layer_stem(layer: int | str) -> str:
    """Returns the prefix of a layer's files: "layer5", or "layer-" and its name."""
    if isinstance(layer, Integral):
        return f"layer{layer}"
    return f"layer-{file_name_of(layer)}"
