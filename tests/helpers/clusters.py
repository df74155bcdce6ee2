"""Workers of Dask for tests."""

import logging

from distributed import LocalCluster


def local_cluster(processes: bool, workers: int = 2) -> LocalCluster:
    """Workers: processes, or threads of this process, which start at once."""
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=processes,
        host="127.0.0.1" if processes else None,
        dashboard_address="127.0.0.1:0",
        memory_limit=None,
        silence_logs=logging.CRITICAL,
    )
