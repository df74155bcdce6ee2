"""Finds the strongest activations with many workers."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

from visualize.strongest.kept_scan import KeptScan, fingerprint
from visualize.strongest.top_activations import TopActivations
from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import RunError
from zfkeras.io.file_names import file_name_of
from zfkeras.io.locks import claimed
from zfkeras.models.classifier import Classifier
from zfkeras.passes.beam.job import Job
from zfkeras.passes.beam.shards import ShardsElsewhere
from zfkeras.passes.sharded import Compute, Pass


def prepare_scan(
    classifier: Classifier, layers: Sequence[int | str], count: int, batch_size: int
) -> Compute:
    """Compiles what a worker keeps of a shard."""
    scanner = TopActivations(classifier, layers, count).scanner
    return functools.partial(scanner.scan, count=count, batch_size=batch_size)


@dataclasses.dataclass(frozen=True)
class ClusterScan:
    """A scan that runs as a Beam pipeline."""

    job: Job  # network and images
    layers: Sequence[int | str]  # the paper's numbers or names of layers
    count: int  # how many activations to keep for each channel
    exchange: str  # folder or URL that workers and this process reach
    shard_size: int  # images that a worker takes on at once
    max_bad_fraction: float = 0.01

    def run(self, folder: Path, options: Sequence[str]) -> dict:
        """Scans, unless `folder` holds the result; keeps the result there."""
        classifier, split = self.job.load()
        if not split.num_examples:
            raise RunError("there is no image to scan")
        finder = TopActivations(classifier, self.layers, self.count)
        names = [name for name, _ in finder.layers]
        data = f"{self.job.data} {self.job.split}"
        key = fingerprint(finder.model, finder.preprocessing, split, data)
        kept = KeptScan.find(folder, key, names, self.count, split.num_examples)
        job, stems = self.job, file_name_of("-".join(names))
        exchange = f"{self.exchange}/{kept.folder.name}-{stems}-{job.batch_size}"
        elsewhere = ShardsElsewhere(job, exchange, self.shard_size)
        batch_size = min(job.batch_size, split.num_examples)
        record = {"layers": names, "count": kept.count}
        if not kept.is_finished():
            prepare = functools.partial(
                prepare_scan,
                layers=self.layers,
                count=kept.count,
                batch_size=batch_size,
            )
            record |= elsewhere.compute(prepare, options)
            with claimed(kept.folder, wait=True):
                elsewhere.copy_to(kept.shards)
        bad_images = BadImages(split.num_examples, self.max_bad_fraction)
        images = Pass(split, finder.preprocessing, batch_size, bad_images)
        kept.finish(images, finder.scanner, shard_size=self.shard_size)
        elsewhere.remove()
        num_images = split.num_examples - bad_images.count
        if not num_images:
            raise RunError("there is no image to scan that could be read")
        record["bad_images"] = bad_images.to_json()
        return {**record, "num_images": num_images}
