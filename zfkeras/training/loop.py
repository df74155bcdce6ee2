"""The training loop: epochs of steps, validation, annealing, checkpoints, resume."""

import dataclasses
import logging
import math
import os
import time

import tensorflow as tf
from tqdm import tqdm

from zfkeras.data.bad_images import BadImages
from zfkeras.data.pipeline import evaluation_batches, training_batches
from zfkeras.data.splits import Split
from zfkeras.errors import RunError
from zfkeras.files import is_disk_full
from zfkeras.models.classifier import predict_crops
from zfkeras.training.checkpoints import Checkpoints, assign, to_arrays, variables_of
from zfkeras.training.config import TrainConfig
from zfkeras.training.evaluation import error_rates
from zfkeras.training.interruption import Interruption
from zfkeras.training.network import Network
from zfkeras.training.progress import Progress, summary
from zfkeras.training.schedule import make_schedule
from zfkeras.training.workdir import Workdir

logger = logging.getLogger(__name__)

# Losses are fetched this many steps at a time, so that a GPU need not wait for Python.
FETCH_STEPS = 20


class Loop:
    """Trains a network over a split, from wherever the workdir says it stopped.

    Args:
        config: the experiment.
        network: model, optimizer and compiled step.
        train: images to learn from.
        held_out: images that steer the annealing. `None`: the training error does.
        bad_images: counts unreadable images.
        classifier: wraps the network's present weights, to save them.
        workdir: where everything is written.
    """

    def __init__(
        self,
        config: TrainConfig,
        network: Network,
        train: Split,
        held_out: Split | None,
        bad_images: BadImages,
        classifier,
        workdir: Workdir,
    ):
        self.config = config
        self.network = network
        self.train = train
        self.held_out = held_out
        self.bad_images = bad_images
        self.classifier = classifier
        self.workdir = workdir
        self.preprocessing = network.preprocessing
        self.schedule = make_schedule(config)
        self.progress = Progress()
        self.checkpoints = Checkpoints(workdir.path / "checkpoints")
        self.variables = variables_of(network.model, network.optimizer)
        self.steps_per_epoch = max(1, train.num_examples // config.batch_size)

    def run(self) -> None:
        """Trains to the end of the last epoch.

        Raises:
            RunError: the loss is not finite, too many images are unreadable, memory
                ran out, or a signal came, in which case everything up to it is saved.
        """
        self._resume()
        # As bytes, since a path need not be UTF-8.
        folder = os.fsencode(self.workdir.path / "tensorboard")
        self.writer = tf.summary.create_file_writer(folder)
        with Interruption() as interruption, self.writer.as_default():
            try:
                while self.progress.epoch < self.config.epochs:
                    self._train_epoch(interruption)
                    self._finish_epoch()
                    self._answer(interruption)
            except tf.errors.ResourceExhaustedError as err:
                if is_disk_full(err):  # of which TensorFlow says the same
                    raise
                raise RunError(
                    f"out of memory at step {self.progress.step + 1}; lower "
                    f"--batch-size, now {self.config.batch_size}, or try "
                    "--mixed-precision."
                ) from err

    def _resume(self):
        found = self.checkpoints.load_latest()
        if found is None:
            self.workdir.keep_metrics_until(0)
            return
        arrays, state = found
        assign(self.variables, arrays)
        try:
            self.progress = Progress(**state["progress"])
            self.schedule.restore(state["schedule"])
            bad_images, metrics = state["bad_images"], state.get("metrics", ())
        except (KeyError, TypeError) as err:
            raise RunError(
                f"the checkpoints in {self.checkpoints.folder} are of another version "
                "of zfkeras; use another --workdir, or start again with --overwrite."
            ) from err
        for name, reason in bad_images.items():
            self.bad_images.add(name, reason)
        self.workdir.keep_metrics_until(self.progress.epoch, metrics)
        logger.info(
            "resuming at epoch %d, step %d", self.progress.epoch + 1, self.progress.step
        )

    def _train_epoch(self, interruption):
        progress, pending = self.progress, []
        with self._bar() as bar:
            stream = iter(self._batches())
            while True:
                started = time.perf_counter()
                batch = next(stream, None)
                if batch is None:
                    break
                progress.input_seconds += time.perf_counter() - started
                self.network.set_rate(self._rate())
                pending.append(self._step(batch, bar))
                progress.seconds += time.perf_counter() - started
                due = progress.step % self.config.checkpoint_steps == 0
                if due or interruption.requested or len(pending) >= FETCH_STEPS:
                    self._account(pending, bar)
                    self.bad_images.check()
                if due or interruption.requested:
                    self._save()
                self._answer(interruption)
            self._account(pending, bar)
        self.bad_images.check()
        if progress.epoch_steps == 0:
            raise RunError("no training image could be read")

    def _answer(self, interruption):
        if interruption.requested:
            raise RunError(
                f"interrupted at step {self.progress.step}; everything is saved, the "
                "same command resumes"
            )

    def _bar(self):
        progress, size = self.progress, self.config.batch_size
        return tqdm(
            total=self.steps_per_epoch * size,
            initial=progress.epoch_steps * size,
            desc=f"epoch {progress.epoch + 1}/{self.config.epochs}",
            unit=" images",
            mininterval=1,
        )

    def _batches(self):
        """The rest of the epoch under way, dealt out to the replicas."""
        batches = training_batches(
            self.train,
            self.preprocessing,
            self.config.batch_size,
            seed=self.config.seed,
            epoch=self.progress.epoch,
            start=self.progress.position,
            bad_images=self.bad_images,
        )
        return self.network.strategy.experimental_distribute_dataset(batches)

    def _rate(self):
        """The rate for the coming step, read off the middle of the step."""
        done = (self.progress.epoch_steps + 0.5) / self.steps_per_epoch
        return self.schedule.rate(self.progress.epoch + min(done, 1.0))

    def _step(self, batch, bar):
        progress = self.progress
        labels, positions = (
            self.network.strategy.experimental_local_results(batch[key])
            for key in ("label", "position")
        )
        count = sum(int(part.shape[0]) for part in labels)
        loss, wrong = self.network.train_step(batch, tf.constant(count, tf.float32))
        progress.position = int(positions[-1][-1]) + 1
        progress.step += 1
        progress.epoch_steps += 1
        progress.seen += count
        bar.update(count)
        return progress.step, loss, wrong

    def _account(self, pending, bar):
        """Fetches the losses of the last steps; stops at one that is not finite."""
        progress = self.progress
        started = time.perf_counter()
        for step, loss, wrong in pending:
            if not math.isfinite(float(loss)):
                raise RunError(
                    f"the loss is {float(loss)} at step {step} (epoch "
                    f"{progress.epoch + 1}); lower optimizer.learning_rate, now "
                    f"{self.config.optimizer.learning_rate}, or check the images."
                )
            progress.loss_sum += float(loss)
            progress.wrong += float(wrong)
        progress.seconds += time.perf_counter() - started
        if pending:
            tf.summary.scalar("train/loss", float(pending[-1][1]), progress.step)
            bar.set_postfix(
                loss=f"{progress.loss_sum / progress.epoch_steps:.3f}",
                top1_error=f"{progress.wrong / progress.seen:.3f}",
                refresh=False,
            )
        pending.clear()

    def _finish_epoch(self):
        row = self._epoch_row()
        steering = row.get("validation_top1_error", row["train_top1_error"])
        self.schedule.observe(steering)
        self.workdir.append_metrics(row)
        for key, value in row.items():
            if key not in ("step", "epoch"):
                tf.summary.scalar(f"epoch/{key}", value, row["step"])
        self.writer.flush()
        logger.info(summary(row))
        self.progress = self.progress.next_epoch()
        if self.progress.epoch in self.config.snapshot_epochs:
            name = f"epoch-{self.progress.epoch:03d}.keras"
            self.classifier(row).save(self.workdir.path / "snapshots" / name)
        self._save()

    def _epoch_row(self):
        row = self.progress.epoch_row(self._rate())
        if self.held_out is not None:
            rates = self.evaluate(self.held_out, self.bad_images)["centre_crop"]
            row["validation_top1_error"] = rates["top1_error"]
            row["validation_top5_error"] = rates["top5_error"]
        return row

    def evaluate(self, split: Split, bad_images: BadImages) -> dict:
        """Centre-crop errors of the present weights on a split.

        Args:
            split: the images.
            bad_images: counts unreadable images; checked at the end.
        """
        batches = evaluation_batches(
            split,
            self.preprocessing,
            self.config.batch_size,
            bad_images=bad_images,
        )
        model = self.network.model
        with tqdm(
            total=split.num_examples, desc="validating", unit=" images", leave=False
        ) as bar:
            rates = error_rates(
                lambda batch: {"centre_crop": predict_crops(model, batch["image"])},
                batches.as_numpy_iterator(),
                bar.update,
            )
        bad_images.check()
        return rates

    def _save(self):
        state = {
            "progress": dataclasses.asdict(self.progress),
            "schedule": self.schedule.state(),
            "bad_images": self.bad_images.to_json()["images"],
            "metrics": self.workdir.read_metrics(),
        }
        self.checkpoints.save(self.progress.step, to_arrays(self.variables), state)
