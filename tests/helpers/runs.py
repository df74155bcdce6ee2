"""Tiny training runs on generated folders of images."""

import dataclasses
import io
from pathlib import Path

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


def tiny_config(folder: Path, **changes) -> TrainConfig:
    """Two epochs of five steps of four images, with dropout and all."""
    config = TrainConfig(
        name="tiny",
        model=ModelConfig("zfnet_quarter_fc512", kernel_initializer="he_normal"),
        data=DataConfig(
            f"folder:{folder}", validation_fraction=0.15, input_scale=1 / 64
        ),
        optimizer=OptimizerConfig(learning_rate=0.01, weight_decay=5e-4),
        schedule=ScheduleConfig("plateau", patience_epochs=1),
        epochs=2,
        batch_size=4,
        checkpoint_steps=3,
        snapshot_epochs=(),
    )
    return dataclasses.replace(config, **changes)
