"""A job of workers: a network and a split, which each worker loads once."""

import dataclasses
import functools
import threading

from zfkeras.cli.settings import ModelSettings
from zfkeras.data.register import Source, open_source
from zfkeras.data.split import Split
from zfkeras.models.classifier import Classifier
from zfkeras.passes.context import Context

# The name of all splits together, for those who divide the images anew.
ALL = "all"

_lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Job:
    """A network and a split, as names that mean the same on every machine."""

    network: ModelSettings
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
    classifier = Context().classifier(job.network.model, job.network)
    return classifier, split_of(source, job.split)


def split_of(source: Source, name: str) -> Split:
    """One split of a source, or "all" of them as one."""
    return source.whole() if name == ALL else source.split(name)
