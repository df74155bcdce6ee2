"""TF_CONFIG: which machines take part in a run, and which of them this process is."""

import dataclasses
import json
import os

from zfkeras.errors import UsageError

EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a run and the place of this process among them."""

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Tells whether this process writes the files of the run."""
        return self.index == 0

    def name(self, index: int) -> str:
        """Names a worker in messages."""
        return f"worker {index} ({self.addresses[index]})"


def read_cluster() -> Cluster:
    """Reads TF_CONFIG, whose jobs may be "chief" (one) and "worker"."""
    text = os.environ.get("TF_CONFIG")
    if not text:
        raise UsageError(
            "--strategy multi-worker needs the environment variable TF_CONFIG, such as "
            f"{EXAMPLE}; docs/distributed.md says how to make it."
        )
    try:
        config = json.loads(text)
    except ValueError as err:
        raise _wrong(f"is no JSON ({err})", text) from err
    try:
        jobs, task = config["cluster"], config["task"]
        kind, index = task["type"], int(task["index"])
        others = sorted(jobs.keys() - {"chief", "worker"})
        addresses = [*jobs.get("chief", ()), *jobs.get("worker", ())]
        own = jobs[kind]
    except (KeyError, TypeError, AttributeError, ValueError) as err:
        raise _wrong("lacks its cluster's workers or its task", text) from err
    if others:
        raise _wrong(f"may name the jobs chief and worker, not {others}", text)
    if not 0 <= index < len(own):
        raise _wrong(f"has no {kind} {index}", text)
    for address in addresses:
        if not _is_address(address):
            raise _wrong(f"names {address!r}, which is no host:port", text)
    if len({*addresses}) < len(addresses):
        raise _wrong("names an address twice", text)
    offset = len(jobs.get("chief", ())) if kind == "worker" else 0
    return Cluster(tuple(addresses), offset + index)


def _is_address(address) -> bool:
    if not isinstance(address, str):
        return False
    host, _, port = address.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65536


def _wrong(what, text):
    return UsageError(f"TF_CONFIG {what}; it must be like {EXAMPLE}. Received: {text}.")
