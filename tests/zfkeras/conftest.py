"""A small network on the disk, for the tests of what uses trained networks."""

from pathlib import Path

import numpy as np
import pytest

CLASS_NAMES = ("n02124075 Egyptian cat", "größer, 猫 \U0001f408", "bee", "dog")


def make_classifier(
    seed: int, class_names=CLASS_NAMES, variant="zfnet_quarter_without_6_7"
):
    """An untrained quarter network; without its large layers, it loads quickly."""
    import keras

    from zfkeras.data.preprocessing import Preprocessing
    from zfkeras.models.classifier import Classifier
    from zfkeras.models.zfnet import ZFNet

    keras.utils.set_random_seed(seed)
    model = ZFNet(len(class_names), variant=variant, kernel_initializer="he_normal")
    random = np.random.default_rng(seed)
    mean_image = random.uniform(90, 150, (64, 64, 3)).astype(np.float32)
    preprocessing = Preprocessing(mean_image, crop_size=56, input_scale=1 / 64)
    return Classifier(model, preprocessing, tuple(class_names), {"seed": seed})


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> Path:
    """The file of an untrained network; to be read only."""
    path = tmp_path_factory.mktemp("model") / "model.keras"
    make_classifier(1).save(path)
    return path


@pytest.fixture
def build_classifier():
    """Builds an untrained quarter network of (seed, class_names, variant)."""
    return make_classifier
