"""Features of a split computed by many workers, and put into the one cache.

A worker computes a shard and copies its file to the exchange. The process that started
the pipeline copies all to the cache, as if it had computed them.
"""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from transfer.features.cache import fingerprint, read_layers
from transfer.features.extraction import compute_features, extract, shard_folder
from transfer.features.layers import layer_tensors
from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import RunError
from zfkeras.io.file_names import file_name_of, layer_stem
from zfkeras.io.locks import claimed
from zfkeras.passes.beam.exchange import copy_in, copy_out, existing, remove
from zfkeras.passes.beam.job import Job
from zfkeras.passes.beam.pipeline import DoFn, run_pipeline
from zfkeras.passes.sharded import Shard, shard_path, shards, write_shard


class ExtractShard(DoFn):
    """Computes the features of one shard; loads the network once for each worker."""

    def __init__(self, job: Job, layers: Sequence[int | str], dtype: str, folder: str):
        self.job, self.layers, self.dtype, self.folder = job, layers, dtype, folder

    def setup(self):
        """Loads the network and the names of the images."""
        classifier, split = self.job.load()
        self._compute = compute_features(
            classifier, split, self.layers, self.dtype, self.job.batch_size
        )

    def process(self, shard: Shard):
        """Computes one shard."""
        bad_images = BadImages(shard.end - shard.first, max_fraction=1)
        with tempfile.TemporaryDirectory() as folder:
            path = shard_path(folder, shard)
            write_shard(path, shard, self._compute, bad_images)
            copy_out(path, shard_path(self.folder, shard))
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
        """Computes what neither the cache nor the exchange holds."""
        classifier, split = self.job.load()
        wanted = [*layer_tensors(classifier.model, self.layers)]
        key = fingerprint(classifier, split, self.data, self.dtype)
        folder = Path(self.cache, key)
        files = read_layers(folder, wanted)
        missing = [layer for layer in wanted if layer not in files]
        record = {"folder": str(folder), "layers": missing}
        paths = []
        if missing:
            if not split.num_examples:
                raise RunError("there is no image to compute features of")
            plan = shards(split.num_examples, self.shard_size, self.job.batch_size)
            stems = file_name_of("-".join(map(layer_stem, missing)))
            exchange = f"{self.exchange}/{key}-{stems}-{self.job.batch_size}"
            record |= self._compute(plan, missing, exchange, options)
            paths = [shard_path(exchange, shard) for shard in plan]
            with claimed(folder, wait=True):
                here = shard_folder(folder, self.job.batch_size)
                here.mkdir(parents=True, exist_ok=True)
                for shard, path in zip(plan, paths, strict=True):
                    copy_in(path, shard_path(here, shard))
        bad_images = BadImages(split.num_examples, self.max_bad_fraction)
        features = extract(
            classifier,
            split,
            wanted,
            self.cache,
            data=self.data,
            batch_size=self.job.batch_size,
            dtype=self.dtype,
            bad_images=bad_images,
            shard_size=self.shard_size,
        )
        remove(paths)
        record["bad_images"] = bad_images.to_json()
        return {**record, "num_images": len(features.labels)}

    def _compute(self, plan, layers, folder, options) -> dict:
        """Has workers compute the absent shards; returns how many there are."""
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
