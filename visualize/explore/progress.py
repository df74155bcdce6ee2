"""A progress bar that only counts, and that can stop the work it belongs to."""

import dataclasses


class Stopped(Exception):
    """Nobody waits for the answer any more."""


@dataclasses.dataclass
class Progress:
    """Takes the place of a tqdm bar.

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
