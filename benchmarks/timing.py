"""Interleaved timings: warm-up apart, medians and quartiles of repeated runs."""

import dataclasses
import functools
import statistics
import time
from collections.abc import Callable, Mapping

# Threads spin for a while in case there is more work, PyTorch's most of all. They must
# not take the cores from the next contender.
_PAUSE = 0.02  # seconds


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds of one contender."""

    median: float
    lower: float
    upper: float


def interleaved(
    contenders: Mapping[str, Callable[[], object]], repeats: int = 9, warmup: int = 2
) -> dict[str, Timing]:
    """Times functions in turns, so that a busy moment hits all of them."""
    for contender in contenders.values():
        for _ in range(warmup):
            contender()
    seconds = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, contender in contenders.items():
            time.sleep(_PAUSE)
            started = time.perf_counter()
            contender()
            seconds[name].append(time.perf_counter() - started)
    return {name: summarised(values) for name, values in seconds.items()}


def summarised(values: list[float]) -> Timing:
    """Median and quartiles of at least two values."""
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Timing(median, lower, upper)


def find_fastest(settings: Mapping, work: Callable[[object], object]):
    """Returns the key of the setting with which `work(setting)` takes least time."""
    tried = {key: functools.partial(work, one) for key, one in settings.items()}
    times = interleaved(tried, repeats=2, warmup=1)
    return min(times, key=lambda key: times[key].median)
