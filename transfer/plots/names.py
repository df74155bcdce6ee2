"""Names of layers as pictures have room for them."""

_LONGEST = 24


def short_name(layer: int | str) -> str:
    """Returns the end of a layer's name, which tells it from others of its network."""
    name = str(layer)
    return name if len(name) <= _LONGEST else f"...{name[3 - _LONGEST :]}"


def columns_for(labels) -> int:
    """Counts the columns of a legend: two, or one if labels are long."""
    return 2 if max(map(len, labels), default=0) <= 40 else 1
