"""The batches of an epoch as the replicas of a run take them."""

from collections.abc import Iterator
from typing import NamedTuple

from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import training_batches
from zfkeras.data.sharding import shares_of_batches
from zfkeras.data.split import Split
from zfkeras.training.config import TrainConfig
from zfkeras.training.distributed.workers import Workers
from zfkeras.training.network import Network


class Feed(NamedTuple):
    """One global batch, ready for the network."""

    batch: dict
    size: int
    end: int


def feeds(
    config: TrainConfig,
    network: Network,
    train: Split,
    *,
    workers: Workers,
    epoch: int,
    start: int,
    bad_images: BadImages,
) -> Iterator[Feed]:
    """Returns the rest of an epoch, dealt out to the replicas."""
    place = {"seed": config.seed, "epoch": epoch, "start": start}
    if not workers.alone:
        batches = shares_of_batches(
            train,
            network.preprocessing,
            config.batch_size,
            index=workers.index,
            count=workers.count,
            bad_images=bad_images,
            **place,
        )
        yield from _shared(batches, network, config.batch_size, start)
        return
    batches = training_batches(
        train,
        network.preprocessing,
        config.batch_size,
        bad_images=bad_images,
        **place,
    )
    strategy = network.strategy
    for batch in strategy.experimental_distribute_dataset(batches):
        labels, positions = (
            strategy.experimental_local_results(batch[key])
            for key in ("label", "position")
        )
        size = sum(int(part.shape[0]) for part in labels)
        end = int(positions[-1][-1]) + 1
        yield Feed(network.training_inputs(batch), size, end)


def _shared(batches, network, batch_size, start):
    """Yields this worker's shares, cut into one part per device.

    Not by distributing the data set: its iterator would ask all workers before each
    step whether all have a batch, which here is known.
    """
    strategy = network.strategy
    replicas = strategy.num_replicas_in_sync
    size = batch_size // replicas
    for number, share in enumerate(batches, 1):

        def part(context, share=share):
            # Replicas are numbered worker by worker.
            local = context.replica_id_in_sync_group % (len(share["label"]) // size)
            rows = slice(local * size, (local + 1) * size)
            return {key: value[rows] for key, value in share.items()}

        batch = strategy.experimental_distribute_values_from_function(part)
        end = start + number * batch_size
        yield Feed(network.training_inputs(batch), batch_size, end)
