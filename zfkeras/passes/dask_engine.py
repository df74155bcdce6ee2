"""Computes the shards of a pass on the workers of Dask, here or on a cluster.

A task writes one shard into the folder of the pass, so that running it twice does no
harm. The network travels as the path of a file in that folder.
"""

import contextlib
import dataclasses
import itertools
import logging
import queue
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import keras

from zfkeras.cli.settings import EngineSettings, ReadingSettings
from zfkeras.cli.tensorflow_start import num_cores
from zfkeras.data.split import Split
from zfkeras.errors import RunError, UsageError
from zfkeras.io.terminal import one_line
from zfkeras.models.classifier import Classifier
from zfkeras.passes.sharded import Pass, Prepare, Shard, ShardsMissing

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 10
_POLL_SECONDS = 1  # how often it is asked whether the scheduler is there
_NUM_NAMED, _LONGEST_REASON = 3, 200  # shards that an error names, and why


@dataclasses.dataclass(frozen=True)
class DaskEngine:
    """Workers of Dask: those of a scheduler, or processes of this machine."""

    scheduler: str | None
    workers: int | None  # processes of this machine; `None` means one for each core
    open_split: Callable[[], Split]  # opens the images of the pass in a worker
    imports: tuple[str, ...] = ()  # modules that define parts of the network
    join_seconds: float = 600  # how long a scheduler may be without workers

    def compute(
        self,
        images: Pass,
        prepare: Prepare,
        model: keras.Model,
        folder: Path,
        todo: Sequence[Shard],
    ) -> Iterator[tuple[Shard, dict[str, str]]]:
        """Yields each shard that a worker has written, and its bad images by name.

        What the images or the network are to blame for is raised at once. A shard that
        fails otherwise is left out; in the end `ShardsMissing` names it.
        """
        from distributed import KilledWorker

        from zfkeras.passes.dask_worker import Job

        folder = folder.absolute()
        network = folder / f"network-{secrets.token_hex(4)}.keras"
        names = tuple(map(str, range(model.output_shape[-1])))
        Classifier(model, images.preprocessing, names).save(network)
        job = Job(network, self.imports, self.open_split, prepare, images.batch_size)
        failed: dict[Shard, Exception] = {}
        try:
            with self._connected() as client:
                yield from self._computed(client, job, todo, failed)
                # Dask condemns a shard that a dying worker has not yet begun, too.
                for shard in [*failed]:
                    if isinstance(failed[shard], KilledWorker):
                        del failed[shard]
                        yield from self._computed(client, job, [shard], failed)
        finally:
            network.unlink(missing_ok=True)
        if failed:
            first = itertools.islice(failed.items(), _NUM_NAMED)
            named = "; ".join(itertools.starmap(_told, first))
            raise ShardsMissing(
                f"{len(failed)} of {len(todo)} shards failed on Dask's workers: {named}"
                f"{'; ...' if len(failed) > _NUM_NAMED else ''}. The others are kept: "
                "the same command computes only these."
            )

    def _computed(
        self, client, job, todo, failed
    ) -> Iterator[tuple[Shard, dict[str, str]]]:
        """Yields the shards that workers have written; adds the others to `failed`."""
        done: queue.SimpleQueue = queue.SimpleQueue()
        futures = {client.submit(job.compute, one, pure=False): one for one in todo}
        for future in futures:
            future.add_done_callback(done.put)
        alone_since = None
        while futures:
            try:
                future = done.get(timeout=_POLL_SECONDS)
                err = future.exception()  # raises CancelledError without a scheduler
                bad_images = None if err else future.result()
            except queue.Empty:
                if client.status != "running":
                    raise _left_alone(futures, todo) from None
                alone_since = self._wait_for_workers(client, alone_since)
                continue
            except (CancelledError, OSError) as lost:
                raise _left_alone(futures, todo) from lost
            alone_since = None
            shard = futures.pop(future)
            if err is None:
                yield shard, bad_images
            elif isinstance(err, RunError):
                raise err
            else:
                failed[shard] = err
                logger.warning("%s failed, going on with the rest", _told(shard, err))

    def _wait_for_workers(self, client, alone_since: float | None) -> float | None:
        """Returns since when there are no workers; raises if that is too long ago."""
        try:
            if client.nthreads():
                return None
        except OSError:  # the scheduler goes away: the client will know
            return alone_since
        address = client.scheduler.address
        if alone_since is None:
            logger.warning(
                "waiting up to %g s for workers of Dask's scheduler at %s",
                self.join_seconds,
                address,
            )
            return time.monotonic()
        if time.monotonic() - alone_since < self.join_seconds:
            return alone_since
        raise ShardsMissing(
            argument="--scheduler",
            received=f"{address}, which had no workers for {self.join_seconds:g} s",
            expected="a scheduler with workers",
            remedy=f"Start some (dask worker {address}) and run the command again. "
            "Shards that are computed are kept.",
        )

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        """Starts workers, or finds those of the scheduler; yields a client."""
        from distributed import Client

        from zfkeras.passes.dask_worker import WorkerStart

        with contextlib.ExitStack() as stack:
            for name in ("distributed", "distributed.client"):  # they speak in passages
                stack.enter_context(_silenced(logging.getLogger(name)))
            number = self.workers or num_cores()
            threads = None if self.scheduler else max(1, num_cores() // number)
            start = WorkerStart(threads)
            try:
                address = self.scheduler or stack.enter_context(_start_workers(number))
                client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
                stack.enter_context(client)
                client.register_plugin(start)
            except Exception as err:  # whatever goes wrong in other processes
                raise self._unreachable(err) from err
            yield client
            client.unregister_worker_plugin(start.name)

    def _unreachable(self, err: Exception) -> ShardsMissing:
        reason = one_line(f"{type(err).__name__}: {err}", _LONGEST_REASON)
        if self.scheduler is None:
            return ShardsMissing(
                f"Dask's workers do not start ({reason}). A program of your own needs "
                "`if __name__ == '__main__':` before what it calls (docs/scale.md)."
            )
        return ShardsMissing(
            argument="--scheduler",
            received=self.scheduler,
            expected="the address of Dask's scheduler, such as tcp://HOST:8786, whose "
            "workers have this package",
            remedy=f"The reason: {reason}.",
        )


def _start_workers(number: int) -> Any:
    """Starts processes of this machine, which only this machine reaches."""
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=number,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",  # any port that is free
        memory_limit=None,  # TensorFlow alone takes 700 MB
        silence_logs=logging.CRITICAL,
    )


def make_engine(
    settings: EngineSettings, open_split: Callable[[], Split]
) -> DaskEngine | None:
    """Makes the engine that settings ask for; `None` stands for this process.

    `open_split` opens the images of the pass, also in another process.
    """
    if settings.engine == "dask":
        if settings.scheduler and settings.workers:
            raise UsageError(
                argument="--workers",
                received=settings.workers,
                expected="left out with --scheduler, which has its own workers",
            )
        imports = settings.imports if isinstance(settings, ReadingSettings) else ()
        return DaskEngine(settings.scheduler, settings.workers, open_split, imports)
    for name in ("scheduler", "workers"):
        if getattr(settings, name) is not None:
            raise UsageError(
                argument=f"--{name}",
                received=getattr(settings, name),
                expected="given with --engine dask",
            )
    return None


def _left_alone(futures, todo) -> ShardsMissing:
    return ShardsMissing(
        f"Dask's scheduler has gone away before {len(futures)} of {len(todo)} shards "
        "were computed. The others are kept: the same command computes only these."
    )


def _told(shard: Shard, err: Exception) -> str:
    from distributed import KilledWorker

    reason = one_line(f"{type(err).__name__}: {err}", _LONGEST_REASON)
    if isinstance(err, KilledWorker):
        reason = "each worker that took it died, perhaps of too little memory"
    return f"images {shard.first} to {shard.end - 1} of the split ({reason})"


@contextlib.contextmanager
def _silenced(log: logging.Logger) -> Iterator[None]:
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
