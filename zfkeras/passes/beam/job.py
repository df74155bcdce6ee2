"""What a worker is told, and what it loads once: a network, and images in shards."""

import dataclasses
import functools
import threading

from zfkeras.data.register import Source, open_source
from zfkeras.data.split import Split
from zfkeras.models.classifier import Classifier
from zfkeras.models.presets import load

# The name of all splits together, for those who divide the images anew.
ALL = "all"

_lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Job:
    """A network and a split, as names that mean the same on every machine."""

    model: str
    data: str
    split: str
    batch_size: int

    def load(self) -> tuple[Classifier, Split]:
        """The network and the split, loaded once a process, whoever asks."""
        with _lock:  # a worker's threads ask at the same time
            return _load(self)


@functools.lru_cache(maxsize=1)
def _load(job: Job) -> tuple[Classifier, Split]:
    source = open_source(job.data)
    return load(job.model), split_of(source, job.split)


@dataclasses.dataclass(frozen=True, order=True)
class Shard:
    """The examples `first` to `end` of a split's own order."""

    first: int
    end: int


def split_of(source: Source, name: str) -> Split:
    """One split of a source, or "all" of them as one."""
    return source.whole() if name == ALL else source.split(name)


def shards(num_examples: int, shard_size: int, batch_size: int) -> list[Shard]:
    """Divides a split's order into shards of whole batches.

    What a single pass puts into one batch is one batch here, too, so that both do the
    same arithmetic. Examples at the end that are fewer than a batch go to the last
    shard.
    """
    size = -(-shard_size // batch_size) * batch_size
    starts = [*range(0, num_examples, size)]
    if len(starts) > 1 and num_examples - starts[-1] < batch_size:
        starts.pop()
    return [*map(Shard, starts, [*starts[1:], num_examples])]
