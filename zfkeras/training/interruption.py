"""Ctrl-C and SIGTERM as a request that the loop answers between two steps."""

import signal
from types import FrameType


class Interruption:
    """Turns the first SIGINT or SIGTERM into `requested`; a second one interrupts.

    A step is never cut in the middle, so what is saved afterwards is a whole state.
    Use it as a context manager, in the main thread.
    """

    def __init__(self):
        self.requested = False
        self._previous = {}

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
