"""Half precision: it learns, and its loss scale skips, is kept and comes back."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.runs import AtStep, assert_same_run, tiny_config
from tests.zfkeras.training.test_step import batch_of, linear_classifier, make_step
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.network import build_network
from zfkeras.training.run import Execution, run_experiment
from zfkeras.training.workdir.checkpoints import (
    assign,
    to_arrays,
    variables_of,
)

POLICIES = (None, "float16", "bfloat16")


def small_network(precision, **options):
    config = tiny_config("nowhere", mixed_precision=precision)
    preprocessing = Preprocessing(np.zeros((64, 64, 3), np.float32), 56, 1.0, None)
    strategy = tf.distribute.get_strategy()
    return build_network(config, 2, preprocessing, strategy, **options)


def stripes():
    """Vertical and horizontal stripes, which a convolution tells apart."""
    random = np.random.default_rng(0)
    wave = 2 * np.sin(np.arange(56) * 0.8 + random.uniform(0, 6, (8, 1)))
    images = np.where(
        (np.arange(8) % 2 == 0)[:, None, None], wave[:, None, :], wave[:, :, None]
    )
    images = np.repeat(images[..., None], 3, axis=-1).astype(np.float32)
    return {"image": tf.constant(images), "label": tf.range(8, dtype=tf.int64) % 2}


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("precision", POLICIES)
def test_the_network_learns_in_every_precision(precision, jit_compile):
    network = small_network(precision, jit_compile=jit_compile)
    network.set_rate(0.01)
    size, batch = tf.constant(8.0), stripes()
    losses = [float(network.train_step(batch, size)[0]) for _ in range(30)]
    assert losses[0] > 0.4
    assert losses[-1] < 0.1 * losses[0]
    for variable in network.model.trainable_variables:
        assert variable.dtype == "float32"


def test_an_overflow_skips_the_update_and_halves_the_scale():
    model, batch = linear_classifier(), batch_of()
    step, optimizer = make_step(model, OptimizerConfig(0.3, 0.9, 0.1), "float16")
    size = tf.constant(8.0)
    step(batch, size)
    before = to_arrays(variables_of(model, optimizer))
    assert float(optimizer.dynamic_scale) == 2**15
    # Gradients of 1e36 times the scale are infinite in float32, too.
    step({**batch, "image": batch["image"] * 1e36}, size)
    after = to_arrays(variables_of(model, optimizer))
    assert float(optimizer.dynamic_scale) == 2**14
    changed = {
        name for name, array in after.items() if not np.array_equal(array, before[name])
    }
    own = (optimizer.dynamic_scale, optimizer.step_counter)
    assert changed <= {f"optimizer/{variable.path}" for variable in own}
    step(batch, size)
    assert int(optimizer.iterations) == 2
    assert not np.array_equal(model.get_weights()[0], before["model/hidden/kernel"])


def test_a_checkpoint_holds_the_scale_and_the_steps_since_it_changed():
    model, batch = linear_classifier(), batch_of()
    step, optimizer = make_step(model, OptimizerConfig(0.3), "float16")
    optimizer.dynamic_scale.assign(512.0)
    step(batch, tf.constant(8.0))
    arrays = to_arrays(variables_of(model, optimizer))
    other = linear_classifier()
    _, other_optimizer = make_step(other, OptimizerConfig(0.3), "float16")
    assign(variables_of(other, other_optimizer), arrays)
    assert float(other_optimizer.dynamic_scale) == 512
    assert int(other_optimizer.step_counter) == 1
    assert int(other_optimizer.iterations) == 1


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_a_run_under_xla_that_died_resumes_to_the_bit(precision, folder, tmp_path):
    config = tiny_config(folder, epochs=2, mixed_precision=precision)
    execution = Execution(jit_compile=True)
    run_experiment(config, tmp_path / "whole", execution)

    def die(model):
        raise SystemExit

    with pytest.raises(SystemExit):
        run_experiment(
            config, tmp_path / "resumed", execution, callbacks=[AtStep(8, die)]
        )
    run_experiment(config, tmp_path / "resumed", execution)
    assert_same_run(tmp_path / "resumed", tmp_path / "whole")
