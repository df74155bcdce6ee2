"""What one benchmark found: times of ours and of the peers, ratios and targets."""

import dataclasses
import importlib.util
from collections.abc import Mapping, Sequence

from benchmarks.timing import Timing


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Ours against others, for the same work; what is less is better."""

    what: str
    ours: str
    seconds: Mapping[str, Timing]
    targets: Mapping[str, float] = dataclasses.field(default_factory=dict)
    images: int | None = None
    note: str = ""
    others: Mapping = dataclasses.field(default_factory=dict)
    unit: str = "s"

    @classmethod
    def from_json(cls, record: Mapping) -> "Comparison":
        """Reads what `dataclasses.asdict` made."""
        seconds = {name: Timing(**t) for name, t in record["seconds"].items()}
        return cls(**{**record, "seconds": seconds})

    def ratio(self, peer: str) -> float | None:
        """How many times as much a peer takes; `None`: it is not installed."""
        if peer not in self.seconds:
            return None
        return self.seconds[peer].median / self.seconds[self.ours].median

    def amount(self, name: str) -> str:
        """A contender's median and quartiles, with their unit."""
        timing = self.seconds[name]
        factor, unit = 1, self.unit
        if unit == "s" and timing.median < 1:
            factor, unit = 1000, "ms"
        values = (
            factor * value for value in (timing.lower, timing.median, timing.upper)
        )
        low, middle, high = (f"{v:.3g}" if v < 1000 else f"{v:.0f}" for v in values)
        return f"{middle} {unit} ({low}-{high})"

    def rate(self, name: str) -> str:
        """Images a second, where there are images."""
        if self.images is None:
            return ""
        return f"{self.images / self.seconds[name].median:,.4g} images/s"

    def lines(self) -> list[str]:
        """The printed table."""
        lines = [self.what]
        for name in self.seconds:
            verdict = self._verdict(name) if name != self.ours else "ours"
            lines.append(
                f"  {name:<38} {self.amount(name):<24} {self.rate(name):<16} {verdict}"
            )
        missing = [peer for peer in self.targets if peer not in self.seconds]
        lines += [f"  {peer:<38} not installed" for peer in missing]
        return lines + ([f"  {self.note}"] if self.note else [])

    def _verdict(self, peer):
        ratio = f"{self.ratio(peer):.3g}x"
        if peer not in self.targets:
            return ratio
        return f"{ratio}, wanted {self.targets[peer]:g}x"


def markdown(comparisons: Sequence[Comparison]) -> str:
    """One table of all comparisons; what misses its target is bold."""
    rows = [
        "| what | ours | peer | its time | its time over ours | target |",
        "|---|---:|---|---:|---:|---:|",
    ]
    for comparison in comparisons:
        name, what = comparison.ours, comparison.what
        ours = f"{comparison.amount(name)} {comparison.rate(name)}".strip()
        peers = [name for name in comparison.seconds if name != comparison.ours]
        peers += [name for name in comparison.targets if name not in peers]
        for peer in peers:
            target = comparison.targets.get(peer)
            ratio = comparison.ratio(peer)
            time = "not installed" if ratio is None else comparison.amount(peer)
            words = "" if ratio is None else f"{ratio:.3g}"
            if ratio is not None and target is not None and ratio < target:
                words = f"**{words}**"
            goal = "" if target is None else f"{target:g}"
            rows.append(f"| {what} | {ours} | {peer} | {time} | {words} | {goal} |")
            what = ours = ""  # once is enough
    return "\n".join(rows)


def is_installed(package: str) -> bool:
    """Returns whether a peer library is installed."""
    return importlib.util.find_spec(package) is not None
