"""How far a run has come, and how it says so."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass
class Progress:
    """How far a run has come; with the variables, all that a checkpoint must hold."""

    step: int = 0
    epoch: int = 0
    position: int = 0
    epoch_steps: int = 0
    loss_sum: float = 0.0
    wrong: float = 0.0
    seen: int = 0
    seconds: float = 0.0
    input_seconds: float = 0.0

    def epoch_row(self, learning_rate: float) -> dict:
        """Returns the epoch's row of metrics.jsonl; errors are fractions."""
        return {
            "step": self.step,
            "epoch": self.epoch + 1,
            "learning_rate": learning_rate,
            "train_loss": self.loss_sum / self.epoch_steps,
            "train_top1_error": self.wrong / self.seen,
            "images_per_second": self.seen / max(self.seconds, 1e-9),
            "input_share": self.input_seconds / max(self.seconds, 1e-9),
            "seconds": self.seconds,
        }

    def next_epoch(self) -> "Progress":
        """Returns the beginning of the next epoch."""
        return Progress(step=self.step, epoch=self.epoch + 1)


def summary(row: Mapping) -> str:
    """Describes a finished epoch, a row of metrics.jsonl, in one line."""
    text = (
        f"epoch {row['epoch']}: loss {row['train_loss']:.3f}, train top-1 error "
        f"{100 * row['train_top1_error']:.1f} %"
    )
    if "validation_top1_error" in row:
        text += (
            f", validation top-1 {100 * row['validation_top1_error']:.1f} %, top-5 "
            f"{100 * row['validation_top5_error']:.1f} %"
        )
    return (
        f"{text}; {row['images_per_second']:.0f} images/s, "
        f"{100 * row['input_share']:.0f} % of the time waiting for images"
    )
