"""Finds the strongest activations with many workers: scans shards, then merges them."""

import dataclasses
import functools
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from visualize.strongest.scan_merge import merge
from visualize.strongest.scan_state import (
    ScanState,
    fingerprint,
    load_state,
    save_state,
)
from visualize.strongest.top_activations import TopActivations
from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import RunError
from zfkeras.passes.beam.exchange import copy_in, copy_out, remove
from zfkeras.passes.beam.job import Job
from zfkeras.passes.beam.pipeline import CombineFn, DoFn, run_pipeline
from zfkeras.passes.sharded import Shard, shards


class ScanShard(DoFn):
    """Scans a shard; each worker loads the network once."""

    def __init__(self, job: Job, layers: Sequence[int | str], count: int):
        self.job, self.layers, self.count = job, layers, count

    def setup(self):
        """Loads the network and the names of the images."""
        classifier, self._split = self.job.load()
        self._finder = TopActivations(classifier, self.layers, self.count)

    def process(self, shard: Shard):
        """Scans one shard."""
        yield self._finder.scan_stretch(
            self._split, shard.first, shard.end, batch_size=self.job.batch_size
        )


class MergeScans(CombineFn):
    """Merges the states of shards, in any order."""

    def create_accumulator(self):
        """Returns the state before any shard."""
        return None

    def add_input(self, found: ScanState | None, state: ScanState) -> ScanState:
        """Merges the state of one shard."""
        return state if found is None else merge([found, state])

    def merge_accumulators(self, accumulators) -> ScanState | None:
        """Merges the states of several workers."""
        states = [state for state in accumulators if state is not None]
        return merge(states) if states else None

    def extract_output(self, found: ScanState | None) -> ScanState | None:
        """Returns the merged state."""
        return found


@dataclasses.dataclass(frozen=True)
class ClusterScan:
    """A scan that runs as a Beam pipeline."""

    job: Job  # network and images
    layers: Sequence[int | str]  # the paper's numbers or names of layers
    count: int  # how many activations to keep for each channel
    exchange: str  # folder or URL that workers and this process reach
    shard_size: int  # images that a worker takes on at once
    max_bad_fraction: float = 0.01

    def run(self, path: Path, options: Sequence[str]) -> ScanState:
        """Scans, unless the file `path` holds the result; writes the result there."""
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
    """Writes the result where the waiting process can read it."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder, "state.npz")
        save_state(here, state)
        copy_out(here, path)
