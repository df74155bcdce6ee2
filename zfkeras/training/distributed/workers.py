"""What the processes of a run tell each other: sums, short messages, variables.

With one process each is what it was given. It does not train; optimizer.apply sums
gradients by itself.
"""

import contextlib
import json
import logging
import re
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.sharding import Share
from zfkeras.data.split import Split
from zfkeras.errors import RunError, UsageError

logger = logging.getLogger(__name__)

# What TensorFlow says when a worker is gone, at once or after missed heartbeats.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


class Workers:
    """The processes that train one network together, as one of them sees them.

    All must call the methods that communicate, with the same arguments in the same
    order. `patient_seconds`: after how long a worker says that it waits for the others.
    """

    patient_seconds = 15

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        self._told = weakref.WeakKeyDictionary()
        self.alone = not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self.index, self.count = 0, 1
        if not self.alone:
            resolver = strategy.cluster_resolver
            jobs = resolver.cluster_spec().as_dict()
            self.count = sum(len(addresses) for addresses in jobs.values())
            self.index = int(resolver.task_id)
            if resolver.task_type == "worker":
                self.index += len(jobs.get("chief", ()))

    @property
    def is_chief(self) -> bool:
        """Returns whether this process writes what the run leaves."""
        return self.index == 0

    def share(self, split: Split) -> Split:
        """Returns this worker's share of a split."""
        return split if self.count == 1 else Share(split, self.index, self.count)

    def sum(self, array: np.ndarray) -> np.ndarray:
        """Adds up an array over the workers."""
        if self.alone:
            return array
        array = np.asarray(array)
        own, nothing = tf.constant(array), tf.zeros(array.shape, array.dtype)
        first = self.index * self.strategy.num_replicas_in_sync // self.count

        def value(context):
            return own if context.replica_id_in_sync_group == first else nothing

        values = self.strategy.experimental_distribute_values_from_function(value)
        with self.waiting("meeting the other workers"):
            return self.strategy.reduce(
                tf.distribute.ReduceOp.SUM, values, axis=None
            ).numpy()

    def gather(self, number: float) -> np.ndarray:
        """Returns a number of each worker, float64 (count,)."""
        numbers = np.zeros(self.count)
        numbers[self.index] = number
        return self.sum(numbers)

    def exchange(self, message) -> list:
        """Tells all workers something."""
        if self.alone:
            return [message]
        text = np.frombuffer(json.dumps(message).encode(), np.uint8)
        lengths = self.gather(len(text)).astype(int)
        texts = np.zeros((self.count, lengths.max()), np.int32)
        texts[self.index, : len(text)] = text
        texts = self.sum(texts).astype(np.uint8)
        return [
            json.loads(row[:length].tobytes())
            for row, length in zip(texts, lengths, strict=True)
        ]

    def from_chief(self, action: Callable[[], object]):
        """Runs an action on the chief; gives its result or its error to all workers."""
        if self.alone:
            return action()
        answer, error = {"value": None}, None
        if self.is_chief:
            try:
                answer["value"] = action()
            except (UsageError, RunError, OSError) as err:
                error = err
                answer = {"usage": isinstance(err, UsageError), "error": str(err)}
        answer = self.exchange(answer)[0]
        if error is not None:
            raise error
        if "error" in answer:
            kind = UsageError if answer["usage"] else RunError
            raise kind(f"the chief says: {answer['error']}")
        return answer["value"]

    def arrays_from_chief(
        self, arrays: Mapping[str, np.ndarray] | None, like: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Gives all workers the chief's arrays, to the bit."""
        if self.alone:
            return dict(arrays)
        # Of floats the bits are added to zeros, since -0.0 + 0.0 is 0.0.
        return {
            name: self.sum(
                _bits(arrays[name] if self.is_chief else np.zeros_like(array))
            ).view(array.dtype)
            for name, array in like.items()
        }

    def agree(self, stop: bool, bad_images: BadImages) -> bool:
        """Tells all of the bad images each has met, and whether one wants to stop."""
        if self.alone:
            return stop
        told = self._told.setdefault(bad_images, set())
        known = bad_images.reasons()
        news = {id: reason for id, reason in known.items() if id not in told}
        messages = self.exchange({"stop": stop, "bad": news})
        for message in messages:
            for id, reason in message["bad"].items():
                bad_images.add(id, reason)
                told.add(id)
        return any(message["stop"] for message in messages)

    @contextlib.contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Says so if what all workers do together takes long."""
        if self.alone:
            yield
            return
        message = (
            "%s has taken %g s so far; a worker that does not say the same keeps the "
            "others waiting"
        )
        told = [message, what, self.patient_seconds]
        timer = threading.Timer(self.patient_seconds, logger.warning, told)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextlib.contextmanager
    def forbearing(self, bad_images: BadImages) -> Iterator[None]:
        """Puts off the end for too many bad images until all workers know of it."""
        limit = bad_images.max_fraction
        if not self.alone:
            bad_images.max_fraction = 1.0
        try:
            yield
        finally:
            bad_images.max_fraction = limit
        self.agree(False, bad_images)
        bad_images.check()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Says in one line that another worker is gone."""
        try:
            yield
        except _LOST as err:
            if self.alone:
                raise
            raise RunError(
                "another worker has ended or cannot be reached; run the same command "
                f"on every worker again to resume at the last checkpoint{_named(err)}."
            ) from err


def _bits(array):
    array = np.ascontiguousarray(array).reshape(array.shape)
    if array.dtype.kind == "f":
        return array.view(f"i{array.itemsize}")
    return array


def _named(err) -> str:
    """Returns the worker that TensorFlow's message names, if any."""
    place = r"(?:reported from|remote target) (/job:\w+)(?:/replica:\d+)?(/task:\d+)"
    found = re.search(place, str(err))
    return f" (TensorFlow names {found[1]}{found[2]})" if found else ""
