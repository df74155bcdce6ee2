"""Finds the images of two sets that are alike, by the product of their unit vectors."""

import dataclasses
from typing import NamedTuple

import numpy as np

from zfkeras.errors import UsageError

MAX_PAIRS = 100_000
_ROWS = 4096  # of a product that is in memory at once


class Pair(NamedTuple):
    """Two images that are alike."""

    id_a: str
    id_b: str
    correlation: float


@dataclasses.dataclass(frozen=True, eq=False)
class Overlap:
    """The images that occur in both of two data sets."""

    pairs: list[Pair]
    nearest: list[Pair]
    label_of: dict[str, int]
    num_a: int
    num_b: int

    @property
    def ids_a(self) -> list[str]:
        """Returns the names of the images of A that are in B, too."""
        return sorted({pair.id_a for pair in self.pairs})

    @property
    def ids_b(self) -> list[str]:
        """Returns the names of the images of B that are in A, too."""
        return sorted({pair.id_b for pair in self.pairs})


class Matches:
    """The best match of each image of set A, and all pairs above a threshold.

    Shapes: `best` float32 array (num_a,), `best_b` int64 array (num_a,).
    """

    def __init__(self, num_a: int, threshold: float):
        self.threshold = threshold
        self.best = np.full(num_a, -np.inf, np.float32)
        self.best_b = np.zeros(num_a, np.int64)
        self._found = []
        self._num_found = 0

    def add(self, a: np.ndarray, a_start: int, b: np.ndarray, b_start: int) -> None:
        """Compares some images of A with some of B.

        Shapes: `a` float32 array (number, length), `b` float32 array (number, length).
        """
        for first in range(0, len(a), _ROWS):
            self._add(a[first : first + _ROWS] @ b.T, a_start + first, b_start)

    def _add(self, product, a_start, b_start):
        column = product.argmax(axis=1)
        highest = product[np.arange(len(product)), column]
        rows = slice(a_start, a_start + len(product))
        is_better = highest > self.best[rows]
        self.best[rows] = np.where(is_better, highest, self.best[rows])
        self.best_b[rows] = np.where(is_better, column + b_start, self.best_b[rows])
        # Most rows have no pair.
        candidates = np.flatnonzero(highest >= self.threshold)
        at, b = np.nonzero(product[candidates] >= self.threshold)
        a = candidates[at]
        self._found.append((a + a_start, b + b_start, product[a, b]))
        self._num_found += len(a)
        if self._num_found > MAX_PAIRS:
            raise UsageError(
                argument="threshold",
                received=self.threshold,
                expected=f"reached by at most {MAX_PAIRS:,} pairs",
                remedy="Raise it.",
            )

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the pairs: positions in A, in B, and correlations, highest first."""
        if not self._found:
            return np.array([], int), np.array([], int), np.array([], np.float32)
        a, b, correlation = (
            np.concatenate(part) for part in zip(*self._found, strict=True)
        )
        order = np.lexsort((b, a, -correlation))
        return a[order], b[order], correlation[order]
