"""Features of a split computed by many workers, and put into the one cache."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

from transfer.features.cache import fingerprint, read_layers
from transfer.features.extraction import compute_features, extract, shard_folder
from transfer.features.layers import layer_tensors
from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import RunError
from zfkeras.io.file_names import file_name_of, layer_stem
from zfkeras.io.locks import claimed
from zfkeras.passes.beam.job import Job
from zfkeras.passes.beam.shards import ShardsElsewhere


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
        stems = file_name_of("-".join(map(layer_stem, missing)))
        exchange = f"{self.exchange}/{key}-{stems}-{self.job.batch_size}"
        elsewhere = ShardsElsewhere(self.job, exchange, self.shard_size)
        if missing:
            if not split.num_examples:
                raise RunError("there is no image to compute features of")
            compute = functools.partial(
                compute_features, layers=missing, dtype=self.dtype
            )
            record |= elsewhere.compute(compute, options)
            with claimed(folder, wait=True):
                elsewhere.copy_to(shard_folder(folder, self.job.batch_size))
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
        elsewhere.remove()
        record["bad_images"] = bad_images.to_json()
        return {**record, "num_images": len(features.labels)}
