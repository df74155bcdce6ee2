"""The learning rate over a run. A schedule knows no model; its state is plain JSON."""

import math

import keras

from zfkeras.training.config import TrainConfig


class Schedule:
    """A learning rate that depends on nothing but how far the run has come."""

    def rate(self, epoch: float) -> float:
        """Returns the rate after `epoch` epochs, which may be a fraction."""
        raise NotImplementedError

    def observe(self, validation_error: float) -> None:
        """Takes the validation error at the end of an epoch."""

    def state(self) -> dict:
        """Returns what a checkpoint must keep."""
        return {}

    def restore(self, state: dict) -> None:
        """Takes back what `state` returned."""


class KerasSchedule(Schedule):
    """A schedule of `keras.optimizers.schedules`, which counts steps, not epochs."""

    def __init__(
        self,
        schedule: keras.optimizers.schedules.LearningRateSchedule,
        steps_per_epoch: int,
    ):
        self.schedule = schedule
        self.steps_per_epoch = steps_per_epoch

    def rate(self, epoch: float) -> float:
        return float(self.schedule(int(epoch * self.steps_per_epoch)))


class Cosine(Schedule):
    """Falls along half a cosine from the first rate to zero over the run.

    Loshchilov & Hutter 2017, without restarts. For runs too short to wait for a
    plateau; a deviation from the paper.
    """

    def __init__(self, learning_rate: float, epochs: int, warmup_epochs: float = 0.0):
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.warmup_epochs = warmup_epochs

    def rate(self, epoch: float) -> float:
        if epoch < self.warmup_epochs:
            return self.learning_rate * epoch / self.warmup_epochs
        length = max(self.epochs - self.warmup_epochs, 1e-9)
        done = min((epoch - self.warmup_epochs) / length, 1.0)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


class Plateau(Schedule):
    """Divides the rate when the validation error has stopped falling.

    Zeiler & Fergus 2014, sec. 3: "we anneal the learning rate throughout training
    manually when the validation error plateaus"; this does by rule what they did by
    hand. The factor is not stated; 10 is Krizhevsky's.
    """

    def __init__(
        self,
        learning_rate: float,
        factor: float = 0.1,
        patience_epochs: int = 5,
        minimum_rate: float = 1e-5,
        warmup_epochs: float = 0.0,
    ):
        self.learning_rate = learning_rate
        self.factor = factor
        self.patience_epochs = patience_epochs
        self.minimum_rate = minimum_rate
        self.warmup_epochs = warmup_epochs
        self.drops = 0
        self.best = math.inf
        self.waited_epochs = 0

    def rate(self, epoch: float) -> float:
        rate = self.learning_rate * self.factor**self.drops
        rate = max(rate, min(self.minimum_rate, self.learning_rate))
        if epoch < self.warmup_epochs:
            return rate * epoch / self.warmup_epochs
        return rate

    def observe(self, validation_error: float) -> None:
        if validation_error < self.best:
            self.best = validation_error
            self.waited_epochs = 0
            return
        self.waited_epochs += 1
        if self.waited_epochs >= self.patience_epochs:
            self.drops += 1
            self.waited_epochs = 0

    def state(self) -> dict:
        best = None if math.isinf(self.best) else self.best
        return {"drops": self.drops, "best": best, "waited_epochs": self.waited_epochs}

    def restore(self, state: dict) -> None:
        self.drops = state["drops"]
        self.best = math.inf if state["best"] is None else state["best"]
        self.waited_epochs = state["waited_epochs"]


def make_schedule(config: TrainConfig) -> Schedule:
    """Makes the schedule that a configuration names."""
    schedule, rate = config.schedule, config.optimizer.learning_rate
    if schedule.kind == "cosine":
        return Cosine(rate, config.epochs, schedule.warmup_epochs)
    return Plateau(
        rate,
        schedule.factor,
        schedule.patience_epochs,
        schedule.minimum_rate,
        schedule.warmup_epochs,
    )
