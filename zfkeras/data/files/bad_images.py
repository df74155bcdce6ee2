"""Images that cannot be read: the error, and a tally that names and counts them."""

import itertools
import logging
import threading

from zfkeras.errors import RunError
from zfkeras.io.terminal import one_line

_log = logging.getLogger(__name__)

_NUM_LOGGED = 10
_NUM_IN_MESSAGE = 3
_NUM_IN_RESULTS = 1000
_LONGEST_NAME = 200


class BadImage(ValueError):
    """An image that cannot be read; the message is the reason, one short phrase."""


class BadImages:
    """A tally of the bad images of a split, safe to share between threads.

    Args:
        num_examples: how many images the split holds.
        max_fraction: the largest accepted fraction of bad images, 0 to 1. 0.01
            (default) accepts the few broken files of every large collection and stops
            a run whose data are something else.

    Raises:
        ValueError: `max_fraction` is out of range.

    Example:
        >>> bad_images = BadImages(num_examples=100)
        >>> bad_images.add("a.jpg", "truncated")
        >>> bad_images.check()
        >>> bad_images.to_json()
        {'count': 1, 'images': {'a.jpg': 'truncated'}}
    """

    def __init__(self, num_examples: int, max_fraction: float = 0.01):
        if not 0 <= max_fraction <= 1:
            raise ValueError(
                "`max_fraction` must be from 0 to 1. "
                f"Received: max_fraction={max_fraction!r}."
            )
        self.num_examples = num_examples
        self.max_fraction = max_fraction
        self._lock = threading.Lock()
        self._reasons = {}  # by id, in the order in which they came

    @property
    def count(self) -> int:
        """The number of different images that were bad so far."""
        return len(self._reasons)

    def add(self, id: str, reason: str) -> None:
        """Counts a bad image, once; the first ten are logged."""
        with self._lock:
            if id in self._reasons:
                return
            self._reasons[id] = reason
            count = len(self._reasons)
        if count <= _NUM_LOGGED:
            rest = "; further ones are counted in silence"
            more = rest if count == _NUM_LOGGED else ""
            _log.warning("bad image %s%s", _described(id, reason), more)

    def check(self) -> None:
        """Raises `RunError` if too many images are bad."""
        with self._lock:
            count = len(self._reasons)
            first = [*itertools.islice(self._reasons.items(), _NUM_IN_MESSAGE)]
        # As a quotient, not a product: 0.29 * 100 is less than 29.
        if count / max(self.num_examples, 1) <= self.max_fraction:
            return
        names = ", ".join(_described(*item) for item in first)
        raise RunError(
            f"{count} of {self.num_examples} images cannot be read, more than the "
            f"fraction of {self.max_fraction:g} allowed: {names}"
            f"{', ...' if count > len(first) else ''}. "
            "Mend or remove them, or raise --max-bad-fraction."
        )

    def reasons(self) -> dict[str, str]:
        """Returns {id: reason} of all, in the order in which they came."""
        with self._lock:
            return dict(self._reasons)

    def to_json(self) -> dict:
        """Returns {"count": int, "images": {id: reason}}, of at most 1,000 images."""
        reasons = self.reasons()
        named = sorted(itertools.islice(reasons.items(), _NUM_IN_RESULTS))
        return {"count": len(reasons), "images": dict(named)}


def _described(id, reason):
    return f"{one_line(id, _LONGEST_NAME)} ({one_line(reason, _LONGEST_NAME)})"
