"""What a run leaves in its workdir while it goes on, and how it is taken up again.

Of several workers only the chief touches the workdir; the others learn from it where
the run stands. It does not train.
"""

import dataclasses
import logging
import os

import tensorflow as tf

from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import RunError
from zfkeras.training.distributed.workers import Workers
from zfkeras.training.network import Network
from zfkeras.training.schedule import Schedule
from zfkeras.training.workdir.checkpoints import (
    Checkpoints,
    assign,
    to_arrays,
    variables_of,
)
from zfkeras.training.workdir.folder import Workdir
from zfkeras.training.workdir.progress import Progress, summary

logger = logging.getLogger(__name__)


class Record:
    """Checkpoints, rows of metrics and TensorBoard's curves of a run."""

    def __init__(self, workdir: Workdir, network: Network, workers: Workers):
        self.workdir = workdir
        self.workers = workers
        self.checkpoints = Checkpoints(workdir.path / "checkpoints")
        self.variables = variables_of(network.model, network.optimizer)
        self.writer = tf.summary.create_noop_writer()
        self.rows = []

    def open(self) -> None:
        """Opens TensorBoard's file and writes the rows of the epochs that are done."""
        if self.workers.is_chief:
            self.workdir.write_metrics(self.rows)
            # As bytes, since a path need not be UTF-8.
            folder = os.fsencode(self.workdir.path / "tensorboard")
            self.writer = tf.summary.create_file_writer(folder)

    def resume(self, schedule: Schedule, bad_images: BadImages) -> Progress:
        """Takes up the run at its last checkpoint, if there is one."""
        state = self.workers.from_chief(self._read)
        if state is None:
            return Progress()
        if not self.workers.alone:
            arrays = to_arrays(self.variables)
            arrays = self.workers.arrays_from_chief(arrays, arrays)
            assign(self.variables, arrays)
        try:
            progress = Progress(**state["progress"])
            schedule.restore(state["schedule"])
            found, self.rows = state["bad_images"], state["metrics"]
        except (KeyError, TypeError) as err:
            raise RunError(
                f"the checkpoints in {self.checkpoints.folder} are of another version "
                "of zfkeras; use another --workdir, or start again with --overwrite."
            ) from err
        for name, reason in found.items():
            bad_images.add(name, reason)
        return progress

    def _read(self):
        found = self.checkpoints.load_latest()
        if found is None:
            return None
        arrays, state = found
        assign(self.variables, arrays)
        return state

    def save(
        self, progress: Progress, schedule: Schedule, bad_images: BadImages
    ) -> None:
        """Writes a checkpoint."""
        if not self.workers.is_chief:
            return
        state = {
            "progress": dataclasses.asdict(progress),
            "schedule": schedule.state(),
            "bad_images": bad_images.reasons(),
            "metrics": self.rows,
        }
        self.checkpoints.save(progress.step, to_arrays(self.variables), state)

    def add_epoch(self, row: dict) -> None:
        """Writes down a finished epoch."""
        self.rows.append(row)
        if not self.workers.is_chief:
            return
        self.workdir.write_metrics(self.rows)
        for key, value in row.items():
            if key not in ("step", "epoch"):
                tf.summary.scalar(f"epoch/{key}", value, row["step"])
        self.writer.flush()
        logger.info(summary(row))
