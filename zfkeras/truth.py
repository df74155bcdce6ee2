"""The class that the name of a file tells.

It compares text; it opens nothing.
"""

from collections.abc import Sequence


def class_in_name(text: str, class_names: Sequence[str]) -> str | None:
    """The class whose name or ImageNet id a text begins with.

    Args:
        text: of a file the name without its ending: "n02124075_cat".
        class_names: such as "n02124075 Egyptian cat", or "cat".

    Returns:
        One of `class_names`, or `None` if the text begins with none of them.

    Example:
        >>> class_in_name("n02124075_1", ["n02124075 Egyptian cat", "n07747607 orange"])
        'n02124075 Egyptian cat'
    """
    for name in class_names:
        for key in (name, name.split(" ", 1)[0]):
            rest = text.removeprefix(key)
            if rest != text and not rest[:1].isalnum():
                return name
    return None
