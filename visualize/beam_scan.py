"""The strongest activations found by many workers: shards, merged by a CombineFn.

It writes the file that a single scan would leave, from which visualize.features draws.
"""

import dataclasses
import functools
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from visualize.scan_merge import merge
from visualize.scan_state import ScanState, fingerprint, load_state, save_state
from visualize.top_activations import TopActivations
from zfkeras.clusters.exchange import copy_in, copy_out, remove
from zfkeras.clusters.job import Job, Shard, shards
from zfkeras.clusters.pipeline import CombineFn, DoFn, run_pipeline
from zfkeras.data.bad_images import BadImages
from zfkeras.errors import RunError


class ScanShard(DoFn):
    """Finds the strongest activations of a shard; loads the network once a worker.

    Args:
        job: network and images.
        layers: the paper's numbers or names of layers.
        count: how many activations to keep for each channel.
    """

    def __init__(self, job: Job, layers: Sequence[int | str], count: int):
        self.job, self.layers, self.count = job, layers, count

    def setup(self):
        """Loads the network and the names of the images."""
        classifier, self._split = self.job.load()
        self._finder = TopActivations(classifier, self.layers, self.count)

    def process(self, shard: Shard):
        """Scans one shard.

        Args:
            shard: which images.

        Yields:
            A `ScanState`.
        """
        yield self._finder.scan_stretch(
            self._split, shard.first, shard.end, batch_size=self.job.batch_size
        )


class MergeScans(CombineFn):
    """Keeps the strongest of what was found, whatever the order it comes in."""

    def create_accumulator(self):
        """Nothing yet."""
        return None

    def add_input(self, found: ScanState | None, state: ScanState) -> ScanState:
        """Adds what was found in a shard.

        Args:
            found: before.
            state: in the shard.
        """
        return state if found is None else merge([found, state])

    def merge_accumulators(self, accumulators) -> ScanState | None:
        """Joins what was found by several workers.

        Args:
            accumulators: of each.
        """
        states = [state for state in accumulators if state is not None]
        return merge(states) if states else None

    def extract_output(self, found: ScanState | None) -> ScanState | None:
        """All that was found.

        Args:
            found: as it is.
        """
        return found


@dataclasses.dataclass(frozen=True)
class ClusterScan:
    """A scan that a pipeline carries out.

    Args:
        job: network and images.
        layers: the paper's numbers or names of layers.
        count: how many activations to keep for each channel.
        exchange: folder or URL that workers and this process reach.
        shard_size: images that a worker takes on at once.
        max_bad_fraction: share of unreadable images past which the run fails.
    """

    job: Job
    layers: Sequence[int | str]
    count: int
    exchange: str
    shard_size: int
    max_bad_fraction: float = 0.01

    def run(self, path: Path, options: Sequence[str]) -> ScanState:
        """Scans, unless `path` holds the answer; leaves it there.

        Args:
            path: of the file, as `TopActivations.scan` keeps it.
            options: Apache Beam's.

        Raises:
            UsageError: a layer that is not there, or a wrong option.
            RunError: the pipeline failed, too many images are bad, or none can be read.
        """
        classifier, split = self.job.load()
        finder = TopActivations(classifier, self.layers, self.count)
        data = f"{self.job.data} {self.job.split}"
        key = fingerprint(finder.model, finder.preprocessing, split, data)
        known = load_state(path)
        if known is not None and known.is_complete:
            if known.serves(key, finder.layers, self.count):
                return known
        if not split.num_examples:
            raise RunError("there is no image to scan")
        found = self._scan(key, split.num_examples, options)
        self._check(found, split.num_examples)
        found = dataclasses.replace(found, key=key, is_complete=True)
        save_state(path, found)
        return found

    def _scan(self, key, num_examples, options) -> ScanState:
        plan = shards(num_examples, self.shard_size, self.job.batch_size)
        there = f"{self.exchange}/top_activations-{key}.npz"
        worker = ScanShard(self.job, self.layers, self.count)

        def build(pipeline):
            import apache_beam as beam

            spread = pipeline | "shards" >> beam.Create(plan) | beam.Reshuffle()
            found = spread | "scan" >> beam.ParDo(worker)
            strongest = found | "strongest" >> beam.CombineGlobally(MergeScans())
            _ = strongest | "write" >> beam.Map(functools.partial(_leave, path=there))

        run_pipeline(options, build)
        with tempfile.TemporaryDirectory() as folder:
            path = copy_in(there, os.path.join(folder, "state.npz"))
            state = load_state(path)
        remove([there])
        if state is None:
            raise RunError(f"{there} is damaged; run the same command again.")
        return state

    def _check(self, found, num_examples):
        bad_images = BadImages(num_examples, self.max_bad_fraction)
        for name, reason in found.bad_images.items():
            bad_images.add(name, reason)
        bad_images.check()
        if not found.num_images:
            raise RunError("there is no image to scan that could be read")


def _leave(state, path):
    """Writes what was found where the process that waits for it reaches it."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder, "state.npz")
        save_state(here, state)
        copy_out(here, path)
