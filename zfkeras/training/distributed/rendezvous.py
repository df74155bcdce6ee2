"""The workers of a run meet before TensorFlow connects them.

TensorFlow waits for a missing worker without a limit and cannot be interrupted. Here
the chief names the workers that are missing and the settings that differ.
"""

import contextlib
import errno
import json
import logging
import socket
import time
from collections.abc import Mapping

from zfkeras.errors import RunError, UsageError
from zfkeras.training.distributed.cluster import Cluster

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5
_SPEAK_SECONDS = 10  # one message is a few kilobytes
_LONGEST = 1 << 20


def meet(cluster: Cluster, request: Mapping, timeout_seconds: float) -> None:
    """Returns once all workers are there with the same request (JSON values by name).

    The chief listens on its port of TF_CONFIG, which is free again afterwards.
    """
    deadline = time.monotonic() + timeout_seconds
    with _listen(cluster) as listener:
        if cluster.is_chief:
            _gather(cluster, listener, request, deadline, timeout_seconds)
            return
    _report(cluster, request, deadline, timeout_seconds)


def _listen(cluster):
    """Opens this worker's port; it is closed before TensorFlow opens it again."""
    port = int(cluster.addresses[cluster.index].rpartition(":")[2])
    try:
        return socket.create_server(("", port), backlog=len(cluster.addresses))
    except OSError as err:
        if err.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise UsageError(
            f"port {port}, which TF_CONFIG gives to {cluster.name(cluster.index)}, "
            f"cannot be opened here ({err.strerror}); end the process that uses it, "
            "or choose another port in the TF_CONFIG of every worker.",
            argument="TF_CONFIG",
            received=port,
            expected="free ports",
        ) from err


def _gather(cluster, listener, request, deadline, timeout_seconds):
    """Waits, as the chief, for all workers and gives all the same answer."""
    missing = set(range(1, len(cluster.addresses)))
    connections, error = [], None
    with contextlib.ExitStack() as stack:
        while missing and (left := deadline - time.monotonic()) > 0:
            listener.settimeout(left)
            try:
                connection = stack.enter_context(listener.accept()[0])
                connection.settimeout(_SPEAK_SECONDS)
                index, theirs = _read(connection)
            except (OSError, ValueError, TypeError):
                continue  # not a worker, or it has left again
            if index not in missing:
                continue
            missing.remove(index)
            connections.append(connection)
            logger.info("%s is here", cluster.name(index))
            error = error or _difference(cluster, request, index, theirs)
        kind = UsageError
        if missing:
            names = ", ".join(map(cluster.name, sorted(missing)))
            error = f"{names} did not join within {timeout_seconds:g} s"
            error += "; start every worker with the same command."
            kind = RunError
        for connection in connections:
            with contextlib.suppress(OSError):
                _write(connection, error)
    if error is not None:
        raise kind(error)


def _difference(cluster, request, index, theirs) -> str | None:
    """Returns a message about the first setting that differs from the chief's."""
    for key in sorted(request.keys() | theirs.keys()):
        if request.get(key) != theirs.get(key):
            return (
                f"all workers must be started alike, but {key} is "
                f"{request.get(key)!r} for {cluster.name(0)} and "
                f"{theirs.get(key)!r} for {cluster.name(index)}."
            )
    return None


def _report(cluster, request, deadline, timeout_seconds):
    """Sends, as another worker, index and request, and waits for the answer."""
    host, _, port = cluster.addresses[0].rpartition(":")
    while (left := deadline - time.monotonic()) > 0:
        try:
            address = (host.strip("[]"), int(port))
            with socket.create_connection(address, timeout=left) as connection:
                _write(connection, [cluster.index, dict(request)])
                # The chief may have begun to wait later than this worker.
                connection.settimeout(timeout_seconds + _SPEAK_SECONDS)
                error = _read(connection)
        except (OSError, ValueError):  # not there yet, or gone again
            time.sleep(_RETRY_SECONDS)
            continue
        if error is not None:
            raise UsageError(error)
        return
    raise RunError(
        f"the chief, {cluster.name(0)}, did not answer within "
        f"{timeout_seconds:g} s; start every worker with the same command."
    )


def _write(connection, message):
    connection.sendall(json.dumps(message).encode() + b"\n")


def _read(connection):
    """Reads one line of JSON; raises `ValueError` if it is none."""
    with connection.makefile("rb") as file:
        return json.loads(file.readline(_LONGEST))
