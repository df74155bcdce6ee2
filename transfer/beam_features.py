"""`python -m transfer.beam_features`: features by many workers, into the cache."""

import argparse
import dataclasses
import sys
from pathlib import Path

from transfer.experiments.shared_settings import FeatureSettings, some_layers
from zfkeras.cli import arguments, command, settings
from zfkeras.passes.beam.arguments import add_cluster
from zfkeras.records import setting
from zfkeras.records.settings import add_settings, read_settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class BeamFeatureSettings(FeatureSettings):
    """The network, the layers and the images."""

    data: str = settings.some_data()
    split: str = setting(
        "all",
        metavar="NAME",
        help="which split of the data: train, validation or test (for transfer.folder "
        "and transfer.pascal), or all of them together (for transfer.caltech)",
    )
    layers: tuple[int | str, ...] | None = some_layers()
    workdir: Path = settings.a_workdir("runs/beam_features")


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "transfer.beam_features",
        "Compute features with many workers (Apache Beam). The workers, here or on a "
        "cluster, put the features of a network's layers into the cache, where "
        "transfer.caltech, transfer.folder and transfer.pascal find them. A rerun "
        "takes over the shards that are there.",
    )
    add_settings(parser, BeamFeatureSettings)
    add_cluster(parser)
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _features, argv)


def _features(args):
    from zfkeras.passes.beam.pipeline import check_installed

    check_installed()
    from transfer.features.beam_extraction import Extraction
    from transfer.features.cache import default_cache
    from transfer.features.layers import all_layers
    from zfkeras.io.provenance import write_results
    from zfkeras.passes.beam.job import ALL, Job

    command.make_folder(args.workdir)
    network = read_settings(settings.ModelSettings, args)
    job = Job(network, args.data, args.split, args.batch_size)
    classifier, _ = job.load()
    extraction = Extraction(
        job=job,
        layers=args.layers or all_layers(classifier.model),
        dtype=args.feature_dtype,
        cache=args.cache or default_cache(),
        data=args.data if args.split == ALL else f"{args.data} {args.split}",
        exchange=args.exchange or str((args.workdir / "exchange").absolute()),
        shard_size=args.shard_size,
        max_bad_fraction=args.max_bad_fraction,
    )
    record = extraction.run(args.beam)
    record = {"data": args.data, "model": str(args.model), **record}
    path = write_results(args.workdir, "beam_features", record)
    print(
        f"features of {record['num_images']:,} images in {record['folder']}, "
        f"record in {path}"
    )


if __name__ == "__main__":
    sys.exit(main())
