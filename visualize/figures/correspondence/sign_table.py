"""Table 1: mean sign change under masks on parts and at random places."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from visualize.images.parts import RANDOM
from zfkeras.records import Table

_RARE = 0.05  # share of random trials


@dataclasses.dataclass(frozen=True, eq=False)
class SignTable:
    """The table of sign changes and its summary; places count layers from 0."""

    parts: Sequence[str]  # names of the masks that lie on parts
    layers: Sequence[str]  # what each layer is called, the lower one first
    distances: Sequence[np.ndarray]  # of each layer (masks, pairs), parts' masks first
    changed: Sequence[np.ndarray]  # of each layer (masks, images)
    paper: Sequence[Mapping[str, tuple[float, float]]]  # of each layer, by part

    @property
    def rows(self) -> list[str]:
        """Names the rows: the parts, and "random"."""
        return [*self.parts, RANDOM]

    def values(self, row: str, place: int) -> np.ndarray:
        """Returns a row's sign changes (pairs,), of "random" (trials, pairs)."""
        return self._of_row(self.distances[place], row)

    def mean_and_deviation(self, row: str, place: int) -> tuple[float, float]:
        """Returns both over pairs of images, and over trials for "random"."""
        values = self.values(row, place)
        return float(values.mean()), float(values.std())

    def share_of_lower_trials(self, part: str, place: int) -> float:
        """Returns the share of random trials whose mean is at most that of a part."""
        trials = self.values(RANDOM, place).mean(axis=1)
        return float(np.mean(trials <= self.values(part, place).mean()))

    def margin(self, place: int) -> float:
        """Returns how far the parts lie below random places, as a share."""
        chance = self.values(RANDOM, place).mean()
        mean = np.mean([self.values(part, place).mean() for part in self.parts])
        return float(1 - mean / chance) if chance > 0 else 0.0

    def beside_paper(self, n_images: int) -> Table:
        """Makes the table with the paper's numbers beside ours."""
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
        """Says in sentences whether the paper's claim holds."""
        places = range(len(self.layers))
        shares = [self.share_of_lower_trials(p, i) for p in self.parts for i in places]
        sentences = [self._sentence(place) for place in places]
        sentences += [self._by_change(place) for place in places]
        if len(self.layers) > 1:
            sentences.append(self._verdict())
        if min(shares) >= 1 - _RARE:
            sentences.append(
                f"Each part is higher than all but {_RARE:.0%} of the random trials: "
                "that is not chance, and against the claim."
            )
        elif min(shares) >= _RARE:
            sentences.append(
                f"No part is lower than all but {_RARE:.0%} of the random trials: what "
                "differs here may be chance."
            )
        return sentences

    def to_json(self) -> dict:
        """Returns the table as JSON values, one entry for each layer."""
        return {
            layer: {row: self._row_to_json(row, place) for row in self.rows}
            for place, layer in enumerate(self.layers)
        }

    def _row_to_json(self, row, place) -> dict:
        mean, deviation = self.mean_and_deviation(row, place)
        paper = self.paper[place].get(row)
        found = {
            "mean": mean,
            "deviation": deviation,
            "share_of_features_changed": self._share_changed(row, place),
            "paper": paper and {"mean": paper[0], "deviation": paper[1]},
        }
        if row == RANDOM:
            means = self.values(row, place).mean(axis=1)
            return {**found, "deviation_of_trial_means": float(means.std())}
        lower = self.share_of_lower_trials(row, place)
        return {**found, "share_of_random_trials_as_low": lower}

    def _of_row(self, values, row):
        if row == RANDOM:
            return values[len(self.parts) :]
        return values[self.parts.index(row)]

    def _sentence(self, place) -> str:
        shares = ", ".join(
            f"{part} {self.share_of_lower_trials(part, place):.0%}"
            for part in self.parts
        )
        paper, beside = self.paper[place], ""
        if {*self.rows} <= {*paper}:
            mean = np.mean([paper[part][0] for part in self.parts])
            beside = f" (in the paper {_side(1 - mean / paper[RANDOM][0])})"
        return (
            f"At {self.layers[place]} parts lie {_side(self.margin(place))} random "
            f"places{beside}; of the random trials are as low or lower: {shares}."
        )

    def _by_change(self, place) -> str:
        """Says how much of the difference comes from how many features change."""
        parts = np.mean([self._share_changed(part, place) for part in self.parts])
        chance = self._share_changed(RANDOM, place)
        # Hiding what changes more features changes more signs, alike or not.
        margin = 1 - (1 - self.margin(place)) * chance / parts if parts > 0 else 0.0
        return (
            f"A part changes {parts:.1%} of the features of {self.layers[place]}, "
            f"a random place {chance:.1%}; by changed feature, parts lie "
            f"{_side(margin)} random places."
        )

    def _share_changed(self, row, place) -> float:
        return float(self._of_row(self.changed[place], row).mean())

    def _verdict(self) -> str:
        low, high = self.margin(0), self.margin(len(self.layers) - 1)
        chance = self.values(RANDOM, 0).mean()
        all_below = all(self.values(part, 0).mean() < chance for part in self.parts)
        who = "Every part changes" if all_below else "Not every part changes"
        how_much = "less" if high < low else "no less"
        found = (
            f"{who} {self.layers[0]} more alike than random places do, and the margin "
            f"is {how_much} at {self.layers[-1]}"
        )
        if not any(self.paper):
            return f"{found}. The paper's numbers are of ZFNet and of dogs' faces."
        agrees = "in direction as" if all_below and high < low else "unlike what"
        return f"{found}: {agrees} the paper reports."


def _spread(known: tuple[float, float] | None) -> str:
    return "{:.3f} ± {:.3f}".format(*known) if known else "–"


def _side(margin: float) -> str:
    return f"{abs(margin):.1%} {'below' if margin >= 0 else 'above'}"
