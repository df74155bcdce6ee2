"""Says which of several workers the others wait for because its images come slowly."""

import logging

import numpy as np

from zfkeras.training.distributed.workers import Workers
from zfkeras.training.workdir.progress import Progress

logger = logging.getLogger(__name__)

# A worker is slow if it waits for its images longer than each other for theirs, by this
# share of the time.
_SLOW_SHARE = 0.1


class SlowInput:
    """Compares how long workers wait for their images; the chief logs it once."""

    def __init__(self, workers: Workers, progress: Progress):
        self.workers = workers
        self._is_said = False
        self._before = _times(progress)

    def look(self, progress: Progress) -> None:
        """Looks at the steps since the last call; all workers must call it together."""
        if self.workers.alone:
            return
        now = _times(progress)
        input_seconds, seconds = now - self._before
        self._before = now
        waits = self.workers.gather(input_seconds)
        others, slow = waits.argsort()[-2:]
        is_slow = waits[slow] - waits[others] > _SLOW_SHARE * seconds
        if is_slow and self.workers.is_chief and not self._is_said:
            self._is_said = True
            logger.warning(
                "all wait for worker %d: its images took %.3g of the last %.3g s",
                slow,
                waits[slow],
                seconds,
            )


def _times(progress):
    return np.array([progress.input_seconds, progress.seconds])
