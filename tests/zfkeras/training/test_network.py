import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from zfkeras.data.preprocessing import Preprocessing
from zfkeras.training.config import ModelConfig, TrainConfig
from zfkeras.training.network import build_model, build_network

GREY = np.full((64, 64, 3), 127.5, np.float32)
CONFIG = TrainConfig("x", model=ModelConfig("zfnet_quarter_fc512", "he_normal", 0.25))


def network(**changes):
    config = dataclasses.replace(CONFIG, **changes)
    strategy = tf.distribute.get_strategy()
    return build_network(config, 3, Preprocessing(GREY, 56, 0.5), strategy)


def test_the_model_is_what_the_configuration_says():
    model = build_model(CONFIG, 3, "float32")
    assert model.output_shape == (None, 3)
    assert model.name == "zfnet_quarter_fc512"
    assert {model.get_layer(f"dropout{n}").rate for n in (6, 7)} == {0.25}
    assert model.get_layer("conv1").kernel_constraint.max_value == 0.1
    free = dataclasses.replace(CONFIG.model, max_filter_rms=None)
    model = build_model(dataclasses.replace(CONFIG, model=free), 3, "float32")
    assert model.get_layer("conv1").kernel_constraint is None


@pytest.mark.parametrize("precision", [None, "float16", "bfloat16"])
def test_the_rate_reaches_the_optimizer_and_weights_stay_in_float32(precision):
    made = network(mixed_precision=precision)
    made.set_rate(0.125)
    inner = getattr(made.optimizer, "inner_optimizer", made.optimizer)
    assert float(inner.learning_rate) == 0.125
    assert (inner is made.optimizer) == (precision != "float16")
    assert made.model.get_layer("conv1").compute_dtype == (precision or "float32")
    assert {v.dtype for v in made.model.trainable_variables} == {"float32"}
    assert made.model.get_layer("predictions").compute_dtype == "float32"
