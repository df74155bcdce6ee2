"""Features of a split computed by many workers, and put into the one cache.

A worker leaves a file a shard; the process that started the pipeline strings them
together in the split's order, which gives what a single pass writes.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from transfer.experiments.arguments import in_order
from transfer.experiments.layers import layer_tensors
from transfer.features.cache import FeatureCache, fingerprint
from transfer.features.extraction import Extractor
from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import RunError
from zfkeras.io.file_names import file_name_of, layer_stem
from zfkeras.passes.beam.exchange import (
    DamagedShard,
    ShardReader,
    ShardWriter,
    existing,
    remove,
)
from zfkeras.passes.beam.job import Job, Shard, shards
from zfkeras.passes.beam.pipeline import DoFn, run_pipeline


class ExtractShard(DoFn):
    """Writes the features of one shard to a file; loads the network once a worker."""

    def __init__(self, job: Job, layers: Sequence[int | str], dtype: str, folder: str):
        self.job, self.layers, self.dtype, self.folder = job, layers, dtype, folder

    def setup(self):
        """Loads the network and the names of the images."""
        self._classifier, self._split = self.job.load()
        self._extractor = Extractor(self._classifier, self.layers, self.dtype)

    def process(self, shard: Shard):
        """Computes one shard."""
        part = self._split.stretch(shard.first, shard.end)
        bad_images = BadImages(part.num_examples, max_fraction=1)
        with ShardWriter(shard_path(self.folder, shard)) as writer:
            for features, labels, positions in self._extractor.batches(
                part, self.job.batch_size, bad_images
            ):
                arrays = {layer_stem(layer): maps for layer, maps in features.items()}
                positions = positions + shard.first
                writer.add({**arrays, "labels": labels, "positions": positions})
            writer.finish({"bad_images": bad_images.reasons()})
        yield shard


@dataclasses.dataclass(frozen=True)
class Extraction:
    """Features for a cache, computed by a pipeline."""

    job: Job
    layers: Sequence[int | str]
    dtype: str
    cache: Path
    data: str
    exchange: str
    shard_size: int
    max_bad_fraction: float = 0.01

    def run(self, options: Sequence[str]) -> dict:
        """Computes what the cache does not hold; takes over what workers have left."""
        classifier, split = self.job.load()
        layer_tensors(classifier.model, self.layers)  # refuses before anything is done
        key = fingerprint(classifier, split, self.data, self.dtype)
        store = FeatureCache(self.cache, key)
        missing = [layer for layer in in_order(self.layers) if not store.has(layer)]
        record = {"folder": str(store.folder), "layers": missing}
        if missing:
            if not split.num_examples:
                raise RunError("there is no image to compute features of")
            plan = shards(split.num_examples, self.shard_size, self.job.batch_size)
            stems = file_name_of("-".join(map(layer_stem, missing)))
            folder = f"{self.exchange}/{key}-{stems}-{self.job.batch_size}"
            record |= self._compute(plan, missing, folder, options)
            sizes = Extractor(classifier, missing, self.dtype).sizes
            bad_images = BadImages(split.num_examples, self.max_bad_fraction)
            with store.claimed():
                self._assemble(
                    store, sizes, split.num_examples, plan, folder, bad_images
                )
            remove(shard_path(folder, shard) for shard in plan)
        left_out = BadImages(max(split.num_examples, 1), self.max_bad_fraction)
        for name, reason in store.read_bad_images().items():
            left_out.add(name, reason)
        left_out.check()
        record["bad_images"] = left_out.to_json()
        return {**record, "num_images": len(store.read_labels()[0])}

    def _compute(self, plan, layers, folder, options) -> dict:
        """Has workers compute the shards that are not there; says how many."""
        there = existing(folder)
        todo = [shard for shard in plan if shard_path(folder, shard) not in there]
        worker = ExtractShard(self.job, layers, self.dtype, folder)

        def build(pipeline):
            import apache_beam as beam

            spread = pipeline | "shards" >> beam.Create(todo) | beam.Reshuffle()
            _ = spread | "features" >> beam.ParDo(worker)

        if todo:
            run_pipeline(options, build)
        return {"num_shards": len(plan), "num_shards_computed": len(todo)}

    def _assemble(self, store, sizes, num_examples, plan, folder, bad_images):
        """Strings the shards together; memory holds one batch at a time."""
        with (
            store.writing(sizes, num_examples, self.dtype) as writer,
            tqdm(total=num_examples, desc="assemble", unit=" images") as bar,
        ):
            done = writer.next_position
            for shard in plan:
                with _opened(shard_path(folder, shard)) as reader:
                    for name, reason in reader.about["bad_images"].items():
                        bad_images.add(name, reason)
                    for features, labels, positions in _rows(reader, sizes, done):
                        writer.add(features, labels, positions)
                bad_images.check()
                writer.save_if_due(bad_images.reasons())
                bar.update(shard.end - shard.first)
            writer.bad_images = bad_images.reasons()


def shard_path(folder: str, shard: Shard) -> str:
    """Returns the path of a shard's file."""
    return f"{folder}/{shard.first:012d}-{shard.end:012d}.zip"


def _opened(path):
    """A shard; a damaged one is removed, so that the next run computes it anew."""
    try:
        return ShardReader(path)
    except DamagedShard as err:
        remove([path])
        raise RunError(f"{err}; it is removed: run the same command again.") from err


def _rows(reader, sizes, done):
    """The batches behind those that a former run has put into the cache already."""
    names = [*map(layer_stem, sizes), "labels", "positions"]
    for arrays in reader.batches(names):
        new = arrays["positions"] >= done
        if new.any():
            features = {layer: arrays[layer_stem(layer)][new] for layer in sizes}
            yield features, arrays["labels"][new], arrays["positions"][new]
