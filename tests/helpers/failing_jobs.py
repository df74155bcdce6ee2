"""Jobs that end badly, for the tests of what watches jobs."""

import logging
import os
import signal
import sys
import time
import warnings


def prepare():
    """Returns a job that does what its argument names."""
    return lambda name: _JOBS[name]()


def _fill():
    return len([bytearray(2**20) for _ in range(400)])


def _spin():
    while True:
        pass


def _say():
    os.write(2, b"libsomething: odd")
    return 1


_JOBS = {
    "value": lambda: 42,
    "error": lambda: [][0],
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda: os._exit(3),
    "spin": _spin,
    "sleep": lambda: time.sleep(60),
    "fill": _fill,
    "say": _say,
    "warn": lambda: warnings.warn("odd", stacklevel=1),
    "log": lambda: logging.getLogger("x").error("odd"),
    "print": lambda: print("odd", file=sys.stderr),
    "grow": lambda: len(b"x" * (64 * 2**20)),
}
