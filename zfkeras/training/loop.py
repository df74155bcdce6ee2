"""The training loop: epochs of steps, validation, annealing, checkpoints, resume."""

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import evaluation_batches
from zfkeras.data.split import Split
from zfkeras.errors import RunError
from zfkeras.io.files import is_disk_full
from zfkeras.io.invocation import command_line
from zfkeras.models.classifier import Classifier
from zfkeras.training.config import TrainConfig
from zfkeras.training.distributed.feeding import feeds
from zfkeras.training.distributed.slow_input import SlowInput
from zfkeras.training.distributed.workers import Workers
from zfkeras.training.evaluation import count_wrong, rates_of
from zfkeras.training.interruption import Interruption
from zfkeras.training.network import Network
from zfkeras.training.schedule import KerasSchedule, make_schedule
from zfkeras.training.workdir.folder import Workdir
from zfkeras.training.workdir.progress import Progress
from zfkeras.training.workdir.record import Record

logger = logging.getLogger(__name__)

# Losses are fetched this many steps at a time, so that a GPU need not wait for Python.
FETCH_STEPS = 20


@dataclasses.dataclass(eq=False, kw_only=True)
class Loop:
    """Trains a network over a split, from wherever the workdir says it stopped.

    Args:
        config: the experiment.
        network: what is trained.
        train: images to learn from.
        held_out: images whose error steers the annealing. `None`: the training error.
        bad_images: counts the unreadable images of both.
        classifier: makes, of the errors measured, what is saved.
        workdir: the folder of the run.
        workers: the processes that take part.
        keras_schedule: in place of the configuration's schedule.
        callbacks: Keras's.
    """

    config: TrainConfig
    network: Network
    train: Split
    held_out: Split | None
    bad_images: BadImages
    classifier: Callable[[dict], Classifier]
    workdir: Workdir
    workers: Workers
    keras_schedule: keras.optimizers.schedules.LearningRateSchedule | None = None
    callbacks: Sequence[keras.callbacks.Callback] = ()

    def __post_init__(self):
        self.progress = Progress()
        self.record = Record(self.workdir, self.network, self.workers)
        self.steps_per_epoch = max(1, self.train.num_examples // self.config.batch_size)
        self.schedule = (
            make_schedule(self.config)
            if self.keras_schedule is None
            else KerasSchedule(self.keras_schedule, self.steps_per_epoch)
        )
        for callback in self.callbacks:
            callback.set_model(self.network.model)
            callback.set_params(
                {"epochs": self.config.epochs, "steps": self.steps_per_epoch}
            )

    def _call_back(self, event: str, *arguments) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(*arguments)

    def run(self) -> None:
        """Trains to the end of the last epoch."""
        self.progress = self.record.resume(self.schedule, self.bad_images)
        if self.progress.step and self.workers.is_chief:
            self._say_where()
        self.record.open()
        with Interruption() as interruption, self.record.writer.as_default():
            try:
                self._call_back("on_train_begin")
                model = self.network.model
                while self.progress.epoch < self.config.epochs:
                    if getattr(model, "stop_training", False):  # a callback's wish
                        break
                    self._train_epoch(interruption)
                    self._finish_epoch()
                    self._answer(self._agree(interruption))
                self._call_back("on_train_end")
            except tf.errors.ResourceExhaustedError as err:
                if is_disk_full(err):  # of which TensorFlow says the same
                    raise
                raise RunError(
                    f"out of memory at step {self.progress.step + 1}; lower "
                    f"--batch-size, now {self.config.batch_size}, or try "
                    "--mixed-precision."
                ) from err

    def _train_epoch(self, interruption):
        progress, pending = self.progress, []
        slow_input = SlowInput(self.workers, progress)
        self._call_back("on_epoch_begin", progress.epoch)
        with self._bar() as bar:
            stream = self._batches()
            while True:
                started = time.perf_counter()
                feed = next(stream, None)
                if feed is None:
                    break
                progress.input_seconds += time.perf_counter() - started
                self.network.set_rate(self._rate())
                self._call_back("on_train_batch_begin", progress.epoch_steps)
                pending.append(self._step(feed, bar))
                self._call_back("on_train_batch_end", progress.epoch_steps - 1)
                progress.seconds += time.perf_counter() - started
                due = progress.step % self.config.checkpoint_steps == 0
                # Several workers stop together, where they are sure to meet.
                stop = interruption.requested and self.workers.alone
                if due or stop or len(pending) >= FETCH_STEPS:
                    self._account(pending, bar)
                    slow_input.look(progress)
                    stop = self._agree(interruption)
                    self.bad_images.check()
                if due or stop:
                    self.record.save(progress, self.schedule, self.bad_images)
                self._answer(stop)
            self._account(pending, bar)
        self._agree(interruption)
        self.bad_images.check()
        if progress.seen == 0:
            raise RunError("no training image could be read")

    def _say_where(self):
        """Tells a user who has resumed a run how far it had come."""
        epoch, step = self.progress.epoch, self.progress.step
        if epoch < self.config.epochs:
            logger.info("resuming at epoch %d, step %d", epoch + 1, step)
        else:
            logger.info("all %d epochs are done; evaluating", self.config.epochs)

    def _agree(self, interruption) -> bool:
        """Returns whether to stop; all workers then know all bad images, too."""
        return self.workers.agree(interruption.requested, self.bad_images)

    def _answer(self, stop):
        if stop:
            raise RunError(
                f"interrupted at step {self.progress.step}; everything is saved; "
                f"resume with: {command_line(leave_out='--overwrite')}"
            )

    def _bar(self):
        progress, size = self.progress, self.config.batch_size
        return tqdm(
            total=self.steps_per_epoch * size,
            initial=progress.epoch_steps * size,
            desc=f"epoch {progress.epoch + 1}/{self.config.epochs}",
            unit=" images",
            mininterval=1,
            disable=not self.workers.is_chief,
        )

    def _batches(self):
        """Returns the rest of the epoch under way, dealt out to the replicas."""
        return feeds(
            self.config,
            self.network,
            self.train,
            workers=self.workers,
            epoch=self.progress.epoch,
            start=self.progress.position,
            bad_images=self.bad_images,
        )

    def _rate(self):
        """Returns the rate for the coming step, read off the middle of the step."""
        done = (self.progress.epoch_steps + 0.5) / self.steps_per_epoch
        return self.schedule.rate(self.progress.epoch + min(done, 1.0))

    def _step(self, feed, bar):
        progress = self.progress
        with self.workers.waiting(f"step {progress.step + 1}"):
            answers = self.network.train_step(
                feed.batch, tf.constant(feed.size, tf.float32)
            )
        progress.position = feed.end
        progress.step += 1
        progress.epoch_steps += 1
        bar.update(feed.size)
        return progress.step, *answers

    def _account(self, pending, bar):
        """Fetches the losses of the last steps; stops at one that is not finite."""
        progress = self.progress
        started = time.perf_counter()
        for step, loss, wrong, images in pending:
            if not math.isfinite(float(loss)):
                raise RunError(
                    f"the loss is {float(loss)} at step {step} (epoch "
                    f"{progress.epoch + 1}); lower optimizer.learning_rate, now "
                    f"{self.config.optimizer.learning_rate}, or check the images."
                )
            progress.loss_sum += float(loss)
            progress.wrong += float(wrong)
            progress.seen += int(images)
        progress.seconds += time.perf_counter() - started
        if pending:
            tf.summary.scalar("train/loss", float(pending[-1][1]), progress.step)
            bar.set_postfix(
                loss=f"{progress.loss_sum / progress.epoch_steps:.3f}",
                top1_error=f"{progress.wrong / max(progress.seen, 1):.3f}",
                refresh=False,
            )
        pending.clear()

    def _finish_epoch(self):
        row = self._epoch_row()
        steering = row.get("validation_top1_error", row["train_top1_error"])
        self.schedule.observe(steering)
        self.record.add_epoch(row)
        self.progress = self.progress.next_epoch()
        due = self.progress.epoch in self.config.snapshot_epochs
        if due and self.workers.is_chief:
            name = f"epoch-{self.progress.epoch:03d}.keras"
            self.classifier(row).save(self.workdir.path / "snapshots" / name)
        self.record.save(self.progress, self.schedule, self.bad_images)
        logs = {key: row[key] for key in row if key not in ("step", "epoch")}
        self._call_back("on_epoch_end", row["epoch"] - 1, logs)

    def _epoch_row(self):
        row = self.progress.epoch_row(self._rate())
        if self.held_out is not None:
            rates = self.evaluate(self.held_out, self.bad_images)["centre_crop"]
            row["validation_top1_error"] = rates["top1_error"]
            row["validation_top5_error"] = rates["top5_error"]
        return row

    def evaluate(self, split: Split, bad_images: BadImages) -> dict:
        """Returns centre-crop errors of the present weights on a split."""
        share = self.workers.share(split)
        batches = evaluation_batches(
            share,
            self.network.preprocessing,
            self.config.batch_size,
            bad_images=bad_images,
        )
        with tqdm(
            total=share.num_examples,
            desc="validating",
            unit=" images",
            leave=False,
            disable=not self.workers.is_chief,
        ) as bar:
            count, wrong = count_wrong(
                lambda batch: {"centre_crop": self.network.predict(batch["image"])},
                batches.as_numpy_iterator(),
                bar.update,
            )
        wrong = wrong.get("centre_crop", (0, 0))
        count, *wrong = self.workers.sum(np.array([count, *wrong], np.int64))
        rates = rates_of(count, {"centre_crop": wrong})
        self.workers.agree(False, bad_images)
        bad_images.check()
        return rates
