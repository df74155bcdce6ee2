"""What Dask's workers do: they load a network and a split once, and compute shards."""

import contextlib
import dataclasses
import functools
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import WorkerPlugin

from zfkeras.cli.tensorflow_start import import_tensorflow_quietly

if TYPE_CHECKING:  # a worker imports TensorFlow only once `WorkerStart` has prepared it
    from zfkeras.data.split import Split
    from zfkeras.passes.sharded import Prepare, Shard

_lock = threading.Lock()


class WorkerStart(WorkerPlugin):
    """Starts TensorFlow in a worker before the first task does.

    `threads`: how many share an operation; `None` means as many as Dask's worker has.
    Dask itself limits the threads of OpenMP alone, which TensorFlow does not use.
    """

    def __init__(self, threads: int | None):
        self.threads = threads
        self.name = f"zfkeras-{secrets.token_hex(4)}"  # of this pass, on any cluster

    def setup(self, worker):
        """Imports TensorFlow and sets its threads."""
        import_tensorflow_quietly()
        import tensorflow as tf

        threads = self.threads or worker.state.nthreads
        with contextlib.suppress(RuntimeError):  # in use: it keeps those it has
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)


@dataclasses.dataclass(frozen=True)
class Job:
    """The shards of a pass, as paths and functions that travel to other processes."""

    network: Path  # file beside the shards, there while the command wants them
    imports: tuple[str, ...] = dataclasses.field(compare=False)
    open_split: Callable[[], "Split"] = dataclasses.field(compare=False)
    prepare: "Prepare" = dataclasses.field(compare=False)
    batch_size: int = dataclasses.field(compare=False)

    def compute(self, shard: "Shard") -> dict[str, str]:
        """Writes a shard; returns its images that cannot be read, however many."""
        from zfkeras.data.files.bad_images import BadImages
        from zfkeras.passes.sharded import Pass, shard_path, write_shard

        with _lock:  # the threads of a worker ask at the same time
            split, preprocessing, compute = _load(self)
        bad_images = BadImages(split.num_examples, max_fraction=1)
        images = Pass(split, preprocessing, self.batch_size, bad_images)

        def arrays():
            yield from compute(images.batches(shard))
            if not self.network.exists():
                raise RuntimeError("the command that asked for this shard has ended")

        write_shard(shard_path(self.network.parent, shard), arrays(), bad_images)
        return bad_images.reasons()


@functools.lru_cache(maxsize=1)
def _load(job: Job) -> tuple[Any, Any, Any]:
    """Loads the split, the preprocessing and what computes a shard, once a process."""
    from zfkeras.models.custom_objects import import_objects
    from zfkeras.models.presets import load

    for module in job.imports:
        import_objects(module)
    classifier = load(job.network)
    return job.open_split(), classifier.preprocessing, job.prepare(classifier.model)
