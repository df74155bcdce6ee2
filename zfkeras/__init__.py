"""ZFNet in Keras 3: the network, its layers, its data and its training.

Names are loaded on first use, so that `--help` never waits for TensorFlow.
"""

from typing import TYPE_CHECKING

from zfkeras.io.extras import load_name

__version__ = "0.1.0"

_HOMES = {
    "Classifier": "zfkeras.models.classifier",
    "LocalResponseNormalization": "zfkeras.layers",
    "MaxPoolWithArgmax": "zfkeras.layers",
    "MaxRMS": "zfkeras.layers.max_rms",
    "Preprocessing": "zfkeras.data.preprocessing",
    "Record": "zfkeras.records",
    "RunError": "zfkeras.errors",
    "Table": "zfkeras.records",
    "TrainConfig": "zfkeras.training.config",
    "Unpool": "zfkeras.layers",
    "UsageError": "zfkeras.errors",
    "ZFNet": "zfkeras.models.zfnet",
    "endpoints": "zfkeras.graph.endpoints",
    "get_config": "zfkeras.configs",
    "load": "zfkeras.models.presets",
    "open_data": "zfkeras.data.datasets",
    "receptive_field": "zfkeras.graph.receptive_field",
    "register_source": "zfkeras.data.register",
    "register_variant": "zfkeras.models.variants",
    "run_experiment": "zfkeras.training.run",
    "setting": "zfkeras.records",
}

__all__ = [
    "Classifier",
    "LocalResponseNormalization",
    "MaxPoolWithArgmax",
    "MaxRMS",
    "Preprocessing",
    "Record",
    "RunError",
    "Table",
    "TrainConfig",
    "Unpool",
    "UsageError",
    "ZFNet",
    "endpoints",
    "get_config",
    "load",
    "open_data",
    "receptive_field",
    "register_source",
    "register_variant",
    "run_experiment",
    "setting",
]

if TYPE_CHECKING:
    from zfkeras.configs import get_config
    from zfkeras.data.datasets import open_data
    from zfkeras.data.preprocessing import Preprocessing
    from zfkeras.data.register import register_source
    from zfkeras.errors import RunError, UsageError
    from zfkeras.graph.endpoints import endpoints
    from zfkeras.graph.receptive_field import receptive_field
    from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax, Unpool
    from zfkeras.layers.max_rms import MaxRMS
    from zfkeras.models.classifier import Classifier
    from zfkeras.models.presets import load
    from zfkeras.models.variants import register_variant
    from zfkeras.models.zfnet import ZFNet
    from zfkeras.records import Record, Table, setting
    from zfkeras.training.config import TrainConfig
    from zfkeras.training.run import run_experiment


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'zfkeras' has no attribute {name!r}")
    return load_name(_HOMES[name], name)


def __dir__():
    return sorted([*globals(), *__all__])
