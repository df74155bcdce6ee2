"""The heads that --head can name: the built-in ones, and those that users add."""

from collections.abc import Callable
from typing import Any

from zfkeras.errors import UsageError


def _svm(seed: int):
    from transfer.heads.svm import SVMHead

    return SVMHead(random_state=seed)


def _softmax(seed: int):
    from transfer.heads.softmax import SoftmaxHead

    return SoftmaxHead(random_state=seed)


_HEADS: dict[str, Callable[[int], Any]] = {"svm": _svm, "softmax": _softmax}


def register_head(name: str, make: Callable[[int], Any]) -> Callable[[int], Any]:
    """Adds a head, so that `transfer.caltech --head NAME` trains it.

    Args:
        name: what --head calls it; a known name is replaced.
        make: takes the seed and returns a new scikit-learn classifier, which learns
            from features (n_images, n_features) and labels (n_images,).

    Returns:
        The same function.

    Raises:
        UsageError: `make` cannot be called.

    Example:
        >>> from sklearn.neighbors import KNeighborsClassifier
        >>> make = lambda seed: KNeighborsClassifier(1)
        >>> register_head("nearest", make)  # doctest: +SKIP
    """
    if not callable(make):
        raise UsageError(
            argument="make", received=make, expected="a function of the seed"
        )
    _HEADS[name] = make
    return make


def head_names() -> tuple[str, ...]:
    """The names of all heads."""
    return tuple(_HEADS)


def make_head(name: str, seed: int) -> Any:
    """Makes a new head of that name."""
    return _HEADS[name](seed)
