"""Table 1: mean sign change under masks on parts and at random places."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from zfkeras.records import Table

RANDOM = "random"
_RARE = 0.05  # share of random trials


@dataclasses.dataclass(frozen=True, eq=False)
class SignTable:
    """The table of sign changes and its summary."""

    parts: Sequence[str]  # names of the masks that lie on parts
    layers: Sequence[str]  # what each layer is called, the lower one first
    distances: Sequence[np.ndarray]
    changed: Sequence[np.ndarray]
    paper: Sequence[Mapping[str, tuple[float, float]]]

    @property
    def rows(self) -> list[str]:
        """The parts, and "random"."""
        return [*self.parts, RANDOM]

    def values(self, row: str, layer: int) -> np.ndarray:
        """Sign changes of a row, (pairs,), or (trials, pairs) for "random"."""
        if row == RANDOM:
            return self.distances[layer][len(self.parts) :]
        return self.distances[layer][self.parts.index(row)]

    def mean_and_deviation(self, row: str, layer: int) -> tuple[float, float]:
        """Mean and standard deviation over pairs, and over trials for "random"."""
        values = self.values(row, layer)
        return float(values.mean()), float(values.std())

    def share_of_lower_trials(self, part: str, layer: int) -> float:
        """Share of the random trials whose mean is at most that of a part."""
        trials = self.values(RANDOM, layer).mean(axis=1)
        return float(np.mean(trials <= self.values(part, layer).mean()))

    def margin(self, layer: int) -> float:
        """How far the parts' mean lies below the random one, as a share of that."""
        chance = self.values(RANDOM, layer).mean()
        mean = np.mean([self.values(part, layer).mean() for part in self.parts])
        return float(1 - mean / chance) if chance > 0 else 0.0

    def beside_paper(self, n_images: int) -> Table:
        """The table beside the paper's numbers."""
        headings = ["hidden"]
        for layer, paper in zip(self.layers, self.paper, strict=True):
            headings += [layer, *(["paper"] if paper else [])]
        rows = []
        for row in self.rows:
            cells = [row]
            for place, paper in enumerate(self.paper):
                cells.append(_spread(self.mean_and_deviation(row, place)))
                cells += [_spread(paper.get(row))] if paper else []
            rows.append(cells)
        caption = f"Table 1: mean sign change over {n_images} images"
        return Table(caption, headings, rows, note="Lower is more alike.")

    def summary(self) -> list[str]:
        """Whether the paper's claim holds, in sentences."""
        return [
            *(self._sentence(place) for place in range(len(self.layers))),
            *([self._verdict()] if len(self.layers) > 1 else []),
            *self._said_of_chance(),
        ]

    def to_json(self) -> dict:
        """The table as JSON values, one entry a layer."""
        return {
            layer: {
                row: {
                    "mean": self.mean_and_deviation(row, place)[0],
                    "deviation": self.mean_and_deviation(row, place)[1],
                    "share_of_features_changed": self._changed(row, place),
                    "paper": self._paper(row, place),
                    **self._against_chance(row, place),
                }
                for row in self.rows
            }
            for place, layer in enumerate(self.layers)
        }

    def _paper(self, row, place):
        known = self.paper[place].get(row)
        return {"mean": known[0], "deviation": known[1]} if known else None

    def _changed(self, row, place) -> float:
        start = len(self.parts) if row == RANDOM else self.parts.index(row)
        stop = None if row == RANDOM else start + 1
        return float(self.changed[place][start:stop].mean())

    def _against_chance(self, row, place):
        if row == RANDOM:
            means = self.values(row, place).mean(axis=1)
            return {"deviation_of_trial_means": float(means.std())}
        return {"share_of_random_trials_as_low": self.share_of_lower_trials(row, place)}

    def _sentence(self, place) -> str:
        shares = ", ".join(
            f"{part} {self.share_of_lower_trials(part, place):.0%}"
            for part in self.parts
        )
        paper = self._paper_margin(place)
        beside = "" if paper is None else f" (in the paper {_side(paper)})"
        return (
            f"At {self.layers[place]} parts lie {_side(self.margin(place))} random "
            f"places{beside}; of the random trials are as low or lower: {shares}."
        )

    def _paper_margin(self, place) -> float | None:
        """The paper's margin, if it has all of these parts."""
        paper = self.paper[place]
        if not {*self.rows} <= {*paper}:
            return None
        mean = np.mean([paper[part][0] for part in self.parts])
        return float(1 - mean / paper[RANDOM][0])

    def _said_of_chance(self) -> list[str]:
        """A sentence where what was found may be chance."""
        shares = [
            self.share_of_lower_trials(part, place)
            for part in self.parts
            for place in range(len(self.layers))
        ]
        if min(shares) < _RARE:
            return []
        return [
            f"No part is lower than all but {_RARE:.0%} of the random trials: what "
            "differs here may be chance."
        ]

    def _verdict(self) -> str:
        low, high = self.margin(0), self.margin(len(self.layers) - 1)
        all_below = all(
            self.values(part, 0).mean() < self.values(RANDOM, 0).mean()
            for part in self.parts
        )
        who = "Every part changes" if all_below else "Not every part changes"
        how_much = "less" if high < low else "no less"
        agrees = "in direction as" if all_below and high < low else "unlike what"
        return (
            f"{who} {self.layers[0]} more alike than random places do, and the margin "
            f"is {how_much} at {self.layers[-1]}: {agrees} the paper reports."
        )


def _spread(known: tuple[float, float] | None) -> str:
    return "{:.3f} ± {:.3f}".format(*known) if known else "–"


def _side(margin: float) -> str:
    return f"{abs(margin):.1%} {'below' if margin >= 0 else 'above'}"
