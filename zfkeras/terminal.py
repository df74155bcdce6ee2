"""Text of strangers as terminals, tables and pictures may show it.

Names of files and classes may hold anything: line ends, commands to a terminal, marks
that turn the direction of writing, halves of characters. It only makes them visible;
files of results keep names as they are.
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
    r"""Escapes what could drive a terminal or turn what stands around it.

    Args:
        text: of any number of lines.

    Example:
        >>> harmless("a\x1b[31m")
        'a\\x1b[31m'
    """
    return _HARMFUL.sub(lambda found: _escaped(found[0]), text)


def one_line(text: str, longest: int | None = None) -> str:
    r"""Escapes whatever is not to be seen, line ends among it.

    Args:
        text: such as a name.
        longest: characters of it that are kept. `None` (default): all.

    Example:
        >>> one_line("a\nb" + 9 * "c", longest=5)
        'a\\nbcc...'
    """
    kept = text if longest is None else text[:longest]
    escaped = "".join(c if c.isprintable() else _escaped(c) for c in kept)
    return escaped + ("..." if len(kept) < len(text) else "")


def table_cell(text: str) -> str:
    r"""A name for a cell of a Markdown table: one line, no bars, no HTML.

    Args:
        text: the name.

    Example:
        >>> table_cell("<b>a|b")
        '&lt;b>a\\|b'
    """
    return one_line(text).replace("|", r"\|").replace("<", "&lt;")


def row_cells(line: str) -> list[str]:
    r"""The cells of a line of a Markdown table, as they were before `table_cell`.

    Args:
        line: with a bar at either end.

    Example:
        >>> row_cells(r"| &lt;b>a\|b | 2 |")
        ['<b>a|b', '2']
    """
    cells = re.split(r"(?<!\\)\|", line.strip())[1:-1]
    return [c.strip().replace(r"\|", "|").replace("&lt;", "<") for c in cells]


class HarmlessOutput:
    """A text stream that passes on only what is `harmless`.

    Args:
        stream: where to.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes text; returns how much of it."""
        self._stream.write(harmless(text))
        return len(text)

    def __getattr__(self, name):
        return getattr(self._stream, name)


def _escaped(char):
    return char.encode("unicode_escape").decode()
