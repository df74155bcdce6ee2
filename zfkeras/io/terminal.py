"""Escapes control characters in names of files and classes before they are shown.

Files of results keep the names unchanged.
"""

import re
from typing import TextIO

# Control characters but tab and line feed; marks of direction; ends of lines and
# paragraphs; lone surrogates, by which Python writes names that are no UTF-8.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff]"
)


def harmless(text: str) -> str:
    r"""Escapes control characters, marks of writing direction and lone surrogates.

    Example:
        >>> harmless("a\x1b[31m")
        'a\\x1b[31m'
    """
    return _HARMFUL.sub(lambda found: _escaped(found[0]), text)


def one_line(text: str, longest: int | None = None) -> str:
    r"""Escapes all characters that are not printable, and cuts the text to a length.

    Example:
        >>> one_line("a\nb" + 9 * "c", longest=5)
        'a\\nbcc...'
    """
    kept = text if longest is None else text[:longest]
    escaped = "".join(c if c.isprintable() else _escaped(c) for c in kept)
    return escaped + ("..." if len(kept) < len(text) else "")


def table_cell(text: str) -> str:
    r"""Escapes a name for a cell of a Markdown table.

    Example:
        >>> table_cell("<b>a|b")
        '&lt;b>a\\|b'
    """
    return one_line(text).replace("|", r"\|").replace("<", "&lt;")


class HarmlessOutput:
    """A text stream that escapes what is written to it with `harmless`."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes escaped text; returns the number of characters given."""
        self._stream.write(harmless(text))
        return len(text)

    def __getattr__(self, name):
        return getattr(self._stream, name)


def _escaped(char):
    return char.encode("unicode_escape").decode()
