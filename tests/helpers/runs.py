"""Tiny training runs on generated folders of images."""

import dataclasses
import io
import json
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from tests.helpers.trees import write_tree
from zfkeras.training.config import (
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    ScheduleConfig,
    TrainConfig,
)
from zfkeras.training.workdir.checkpoints import Checkpoints

# A small network, and one with dropout.
SMALL, WITH_DROPOUT = "zfnet_quarter_without_6_7", "zfnet_quarter_fc512"
_TIMED = {"seconds", "images_per_second", "input_share"}


def noise_jpeg(seed: int, size: int = 64) -> bytes:
    """A JPEG of coarse noise."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
    file = io.BytesIO()
    coarse.resize((size, size)).save(file, "JPEG")
    return file.getvalue()


def image_folder(root: Path, per_class: int = 12, classes=("cat", "dog")) -> Path:
    """A folder of noise, one sub-folder a class."""
    files = {
        f"{name}/{number:02d}.jpg": noise_jpeg(1000 * label + number)
        for label, name in enumerate(classes)
        for number in range(per_class)
    }
    return write_tree(root, files)


def tiny_config(
    folder: Path, variant: str = SMALL, model=(), data=(), **changes
) -> TrainConfig:
    """One epoch of five steps of four images; `model` and `data` change a section."""
    config = TrainConfig(
        name="tiny",
        model=ModelConfig(
            variant, **{"kernel_initializer": "he_normal", **dict(model)}
        ),
        data=DataConfig(
            f"folder:{folder}",
            **{"validation_fraction": 0.15, "input_scale": 1 / 64, **dict(data)},
        ),
        optimizer=OptimizerConfig(learning_rate=0.01, weight_decay=5e-4),
        schedule=ScheduleConfig("plateau", warmup_epochs=1.5, patience_epochs=1),
        epochs=1,
        batch_size=4,
        checkpoint_steps=3,
        snapshot_epochs=(),
    )
    return dataclasses.replace(config, **changes)


class AtStep(keras.callbacks.Callback):
    """Calls a function of the model just before a training step, counted from 1."""

    def __init__(self, step: int, action):
        super().__init__()
        self.left, self.action = step, action

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            self.action(self.model)


def metrics_of(workdir: Path) -> list[dict]:
    """The rows of a run's metrics, without its speed."""
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [
        {key: value for key, value in json.loads(line).items() if key not in _TIMED}
        for line in lines
    ]


def final_state(workdir: Path) -> tuple[dict, dict]:
    """The arrays and the state of a run's last checkpoint."""
    return Checkpoints(workdir / "checkpoints").load_latest()


def assert_same_run(found: Path, expected: Path) -> None:
    """Two runs ended with the same variables, to the bit, and the same metrics."""
    (arrays, state), (wanted, state_wanted) = final_state(found), final_state(expected)
    assert arrays.keys() == wanted.keys()
    for name, array in arrays.items():
        assert array.tobytes() == wanted[name].tobytes(), name
    for key in ("step", "epoch", "position"):
        assert state["progress"][key] == state_wanted["progress"][key]
    assert state["schedule"] == state_wanted["schedule"]
    assert metrics_of(found) == metrics_of(expected)
