"""`python -m visualize.beam_features`: the strongest activations, by many workers."""

import argparse
import dataclasses
import sys
from pathlib import Path

from visualize.figures.shared_settings import LAYERS_HELP, TOP_HELP
from zfkeras.cli import arguments, command, settings
from zfkeras.passes.beam.arguments import add_cluster
from zfkeras.records.settings import add_settings, read_settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class BeamSettings(settings.ModelSettings):
    """The network, the layers and the images."""

    data: str = settings.some_data()
    split: str | None = settings.a_split()
    layers: tuple[int | str, ...] | None = settings.some_layers(LAYERS_HELP)
    top: int = settings.a_count(9, TOP_HELP)
    workdir: Path = settings.a_workdir("runs/features")
    batch_size: int = settings.batch_size(128)
    max_bad_fraction: float = settings.max_bad_fraction()


def build_parser() -> argparse.ArgumentParser:
    """Makes the parser of the command."""
    parser = arguments.make_parser(
        "visualize.beam_features",
        "Find the strongest activations with many workers (Apache Beam). The workers, "
        "here or on a cluster, look at every feature map over a data set. "
        "visualize.features with the same arguments and --workdir draws what they "
        "found without a pass of its own.",
    )
    add_settings(parser, BeamSettings)
    add_cluster(parser)
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _features, argv)


def _features(args):
    from zfkeras.passes.beam.pipeline import check_installed

    check_installed()

    from visualize.strongest.beam_scan import ClusterScan
    from visualize.strongest.distinct import count_to_scan
    from visualize.strongest.searched_images import SCANS
    from zfkeras.data.register import open_source
    from zfkeras.graph.layer_graph import LayerGraph
    from zfkeras.io.provenance import write_results
    from zfkeras.passes.beam.job import Job
    from zfkeras.passes.context import Context

    source = open_source(args.data)
    args.split = source.split_name(args.split)
    command.make_folder(args.workdir)
    network = read_settings(settings.ModelSettings, args)
    model = Context().classifier(args.model, network).model
    scan = ClusterScan(
        job=Job(network, source.spec, args.split, args.batch_size),
        layers=args.layers or LayerGraph(model).usual_layers(),
        count=count_to_scan(source, args.top),
        exchange=args.exchange or str((args.workdir / "exchange").absolute()),
        shard_size=args.shard_size,
        max_bad_fraction=args.max_bad_fraction,
    )
    folder = args.workdir / SCANS
    record = {
        "data": source.spec,
        "split": args.split,
        "model": str(args.model),
        **scan.run(folder, args.beam),
    }
    write_results(args.workdir, "beam_features", record)
    print(f"strongest activations over {record['num_images']:,} images in {folder}")


if __name__ == "__main__":
    sys.exit(main())
