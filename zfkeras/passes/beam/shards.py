"""The shards of a pass, computed by the workers of a Beam pipeline.

A worker copies the file of a shard to the exchange, from where the process that started
the pipeline copies all, as if it had computed them. A rerun takes over what is there.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from zfkeras.data.files.bad_images import BadImages
from zfkeras.models.classifier import Classifier
from zfkeras.passes.beam.exchange import copy_in, copy_out, existing, remove
from zfkeras.passes.beam.job import Job
from zfkeras.passes.beam.pipeline import DoFn, run_pipeline
from zfkeras.passes.sharded import Compute, Pass, Shard, shard_path, shards, write_shard


class ComputeShard(DoFn):
    """Computes one shard; loads the network once for each worker."""

    def __init__(
        self, job: Job, prepare: Callable[[Classifier], Compute], exchange: str
    ):
        self.job, self.prepare, self.exchange = job, prepare, exchange

    def setup(self):
        """Loads the network and the names of the images."""
        self._classifier, self._split = self.job.load()
        self._compute = self.prepare(self._classifier)

    def process(self, shard: Shard):
        """Computes one shard; unreadable images are left out, however many."""
        bad_images = BadImages(shard.end - shard.first, max_fraction=1)
        preprocessing = self._classifier.preprocessing
        images = Pass(self._split, preprocessing, self.job.batch_size, bad_images)
        with tempfile.TemporaryDirectory() as folder:
            path = shard_path(folder, shard)
            write_shard(path, self._compute(images.batches(shard)), bad_images)
            copy_out(path, shard_path(self.exchange, shard))
        yield shard


@dataclasses.dataclass(frozen=True)
class ShardsElsewhere:
    """The shards of a pass in an exchange."""

    job: Job  # network and images
    exchange: str  # folder or URL that workers and this process reach
    shard_size: int  # images that a worker takes on at once

    def compute(
        self, prepare: Callable[[Classifier], Compute], options: Sequence[str]
    ) -> dict:
        """Has workers compute the absent shards; returns how many there are.

        `prepare`: makes what computes a shard, with a network that a worker has loaded.
        """
        there = existing(self.exchange)
        todo = [s for s in self._plan() if shard_path(self.exchange, s) not in there]
        worker = ComputeShard(self.job, prepare, self.exchange)

        def build(pipeline):
            import apache_beam as beam

            spread = pipeline | "shards" >> beam.Create(todo) | beam.Reshuffle()
            _ = spread | "compute" >> beam.ParDo(worker)

        if todo:
            run_pipeline(options, build)
        return {"num_shards": len(self._plan()), "num_shards_computed": len(todo)}

    def copy_to(self, folder: Path) -> None:
        """Copies all to a folder of this machine, where a pass finds them."""
        folder.mkdir(parents=True, exist_ok=True)
        for shard in self._plan():
            copy_in(shard_path(self.exchange, shard), shard_path(folder, shard))

    def remove(self) -> None:
        """Removes those that are there."""
        remove([shard_path(self.exchange, shard) for shard in self._plan()])

    def _plan(self):
        num_examples = self.job.load()[1].num_examples
        return shards(num_examples, self.shard_size, self.job.batch_size)
