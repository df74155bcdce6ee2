"""Progress of long work: a bar for people, or a count that can stop the work."""

import contextlib
import dataclasses
from collections.abc import Iterator

from tqdm import tqdm


class Stopped(Exception):
    """Nobody waits for the answer any more."""


@dataclasses.dataclass
class Progress:
    """Takes the place of a bar.

    `n`: how many are done; `total`: of how many; `stops`: set to end the work at its
    next step.
    """

    total: int = 0
    n: int = 0
    stops: bool = False

    def update(self, step: int) -> None:
        """Counts, or raises `Stopped`."""
        if self.stops:
            raise Stopped
        self.n += step


@contextlib.contextmanager
def progress_bar(shown: bool | Progress, **options) -> Iterator[tqdm | Progress]:
    """Makes a bar, shown or hidden, or takes what is given for one."""
    if isinstance(shown, bool):
        with tqdm(disable=not shown, **options) as bar:
            yield bar
    else:
        yield shown
