"""The workers of a run meet before TensorFlow connects them.

TensorFlow waits for a missing worker for ever, deaf to Ctrl-C, and lets workers train
different things. So they meet here first: who does not come is named, and so is what
they are not agreed on. It knows nothing of training.
"""

import contextlib
import errno
import json
import logging
import socket
import time
from collections.abc import Mapping

from zfkeras.errors import RunError, UsageError
from zfkeras.training.cluster import Cluster

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5
_SPEAK_SECONDS = 10  # what is said here are a few kilobytes
_LONGEST = 1 << 20


def meet(cluster: Cluster, request: Mapping, timeout_seconds: float) -> None:
    """Returns once all workers are there and want the same.

    The chief listens on its port of TF_CONFIG, which is free again afterwards.
    """
    deadline = time.monotonic() + timeout_seconds
    with _own_port(cluster) as listener:
        if cluster.is_chief:
            _gather(cluster, listener, request, deadline, timeout_seconds)
            return
    _report(cluster, request, deadline, timeout_seconds)


def _own_port(cluster):
    """This worker's port, to see whether TensorFlow will get it."""
    port = int(cluster.addresses[cluster.index].rpartition(":")[2])
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("", port))
        listener.listen(len(cluster.addresses))
    except OSError as err:
        listener.close()
        if err.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise UsageError(
            f"port {port}, which TF_CONFIG gives to {cluster.name(cluster.index)}, "
            f"cannot be had here ({err.strerror}); end what holds it, or choose "
            "another in the TF_CONFIG of every worker."
        ) from err
    return listener


def _gather(cluster, listener, request, deadline, timeout_seconds):
    """The chief's part: waits for all and answers all alike."""
    expected = set(range(1, len(cluster.addresses)))
    present: dict[int, tuple[socket.socket, Mapping]] = {}
    with contextlib.ExitStack() as stack:
        while missing := sorted(expected - present.keys()):
            arrival = _next_arrival(listener, deadline, stack)
            if arrival is None:
                names = ", ".join(map(cluster.name, missing))
                error = f"{names} did not join within {timeout_seconds:g} s"
                _answer(present, error)
                raise RunError(f"{error}; start every worker with the same command.")
            index = arrival[1].get("index")
            if index not in expected:
                continue
            if index in present and _is_open(present[index][0]):
                error = f"{cluster.name(index)} is there already; give each its index"
                _answer({index: arrival}, error)
                continue
            present[index] = arrival
            logger.info("%s is here", cluster.name(index))
        error = _disagreement(cluster, request, present)
        _answer(present, error)
        if error is not None:
            raise UsageError(error)


def _next_arrival(listener, deadline, stack):
    """(connection, what it said) of the next who speaks our language, in time."""
    while (left := deadline - time.monotonic()) > 0:
        listener.settimeout(left)
        with contextlib.suppress(OSError):
            connection = stack.enter_context(listener.accept()[0])
            connection.settimeout(_SPEAK_SECONDS)
            said = _read(connection)
            if said is not None:
                return connection, said
            connection.close()
    return None


def _disagreement(cluster, request, present) -> str | None:
    for index, (_, said) in sorted(present.items()):
        theirs = said.get("request")
        theirs = theirs if isinstance(theirs, Mapping) else {}
        for key in sorted(request.keys() | theirs.keys()):
            if request.get(key) != theirs.get(key):
                return (
                    f"all workers must be started alike, but {key} is "
                    f"{request.get(key)!r} for {cluster.name(0)} and "
                    f"{theirs.get(key)!r} for {cluster.name(index)}."
                )
    return None


def _is_open(connection) -> bool:
    """Whether who is at the other end still waits."""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        connection.settimeout(_SPEAK_SECONDS)


def _answer(present, error):
    for connection, _ in present.values():
        with contextlib.suppress(OSError):  # who left meanwhile is missed later
            _write(connection, {"error": error})


def _report(cluster, request, deadline, timeout_seconds):
    """The other workers' part: says who it is and what it wants, and is answered."""
    host, _, port = cluster.addresses[0].rpartition(":")
    message = {"index": cluster.index, "request": dict(request)}
    answer = None
    while answer is None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise RunError(
                f"the chief, {cluster.name(0)}, did not answer within "
                f"{timeout_seconds:g} s; start every worker with the same command."
            )
        with contextlib.suppress(OSError):  # not there yet, or gone again
            address = (host.strip("[]"), int(port))
            with socket.create_connection(address, timeout=left) as connection:
                _write(connection, message)
                # The chief began to wait later, and says whom it has missed.
                connection.settimeout(timeout_seconds + _SPEAK_SECONDS)
                answer = _read(connection)
        if answer is None:
            time.sleep(_RETRY_SECONDS)
    if answer.get("error") is not None:
        raise UsageError(str(answer["error"]))


def _write(connection, message):
    connection.sendall(json.dumps(message).encode() + b"\n")


def _read(connection) -> dict | None:
    """One line of JSON, or `None` if whoever is there says something else."""
    with connection.makefile("rb") as file:
        line = file.readline(_LONGEST)
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
