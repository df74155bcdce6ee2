"""Keeps what is dear to make, such as compiled functions, but only the latest of it."""

from collections import OrderedDict
from collections.abc import Callable, Hashable


class Recent:
    """The things asked for last, by key; older ones are let go and made again."""

    def __init__(self, most: int = 8):
        self.most = most
        self._kept = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], object]):
        """What was made for a key, or is made now."""
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > self.most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def __iter__(self):
        return iter([*self._kept])
