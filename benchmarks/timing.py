"""Interleaved timings: warm-up apart, medians and quartiles of repeated runs."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds of one contender.

    Args:
        median: middle of the repeats.
        lower: first quartile.
        upper: third quartile.
    """

    median: float
    lower: float
    upper: float


def interleaved(
    contenders: Mapping[str, Callable[[], object]], repeats: int = 9, warmup: int = 2
) -> dict[str, Timing]:
    """Times functions in turns, so that a busy moment hits all of them.

    Args:
        contenders: name -> function without arguments that does the whole work.
        repeats: timed runs of each, at least 4.
        warmup: runs of each that are not timed (tracing, compilation, caches).
    """
    for contender in contenders.values():
        for _ in range(warmup):
            contender()
    seconds = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, contender in contenders.items():
            started = time.perf_counter()
            contender()
            seconds[name].append(time.perf_counter() - started)
    return {name: _summarised(values) for name, values in seconds.items()}


def _summarised(values):
    lower, median, upper = statistics.quantiles(values, n=4)
    return Timing(median, lower, upper)


def as_lines(
    title: str, timings: Mapping[str, Timing], images: Mapping[str, int] | None = None
) -> list[str]:
    """A printed table of milliseconds.

    Args:
        title: first line.
        timings: name -> timing.
        images: name -> images that one run works on, for a column of images a second.
            `None`: the time as a multiple of the first row's instead.
    """
    lines = [title]
    first = next(iter(timings.values()))
    for name, timing in timings.items():
        if images is None:
            last = f"x{timing.median / first.median:.2f}"
        else:
            last = f"{images[name] / timing.median:10.1f} images/s"
        lines.append(
            f"  {name:<40} {1000 * timing.median:9.2f} ms "
            f"({1000 * timing.lower:.2f}-{1000 * timing.upper:.2f})  {last}"
        )
    return lines
