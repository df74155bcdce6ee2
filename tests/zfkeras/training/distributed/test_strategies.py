"""Several devices, in a process of their own: they are fixed before TensorFlow starts.

Two logical CPUs stand in for two GPUs.
"""

import subprocess
import sys

import pytest
import tensorflow as tf

from zfkeras.errors import UsageError
from zfkeras.training.distributed.strategies import make_strategy

TWO_DEVICES = """
import sys
from pathlib import Path
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
import zfkeras
from tests.helpers.runs import (
    WITH_DROPOUT, AtStep, final_state, image_folder, tiny_config
)
from zfkeras.errors import UsageError
from zfkeras.training.distributed.strategies import make_strategy
from zfkeras.training.run import Execution, run_experiment

root = Path(sys.argv[1])
folder = image_folder(root / "images")
assert make_strategy("mirrored", 4).num_replicas_in_sync == 2

def trained(name, config, strategy, jit_compile=False, callbacks=()):
    execution = Execution(strategy, jit_compile)
    results = run_experiment(config, root / name, execution, callbacks=callbacks)
    return results, final_state(root / name)[0]
"""

AS_ONE = """
try:
    make_strategy("mirrored", 5)
except UsageError as err:
    assert "--batch-size must be a multiple of the 2 devices" in str(err)
else:
    raise AssertionError("an odd batch was accepted")

# A tight bound on the filters, so that it acts on every step.
config = tiny_config(folder, model={"max_filter_rms": 0.05})
single, single_state = trained("single", config, "single")
mirrored, mirrored_state = trained("mirrored", config, "mirrored")
assert single_state.keys() == mirrored_state.keys()
for name, array in single_state.items():
    # Two halves add up in another order than the whole.
    np.testing.assert_allclose(mirrored_state[name], array, atol=1e-6, err_msg=name)
assert mirrored["held_out"] == single["held_out"]
(one,), (two,) = single["last_epoch"], mirrored["last_epoch"]
np.testing.assert_allclose(two["train_loss"], one["train_loss"], rtol=1e-5)
assert two["train_top1_error"] == one["train_top1_error"]
images = np.zeros((3, 64, 64, 3), np.uint8)
assert zfkeras.load(root / "mirrored" / "model.keras").predict(images).shape == (3, 2)
print("equal")
"""

# XLA compiles what each of the two does apart; both take their rows of one mask.
WITH_DROPOUT = """
config = tiny_config(folder, WITH_DROPOUT)
for jit_compile in (False, True):  # XLA draws other numbers
    _, single = trained(f"single-{jit_compile}", config, "single", jit_compile)
    _, state = trained(f"mirrored-{jit_compile}", config, "mirrored", jit_compile)
    for key, array in single.items():
        np.testing.assert_allclose(state[key], array, atol=1e-6, err_msg=key)
print("equal")
"""

RESUMED = """
# Of one size throughout: TensorFlow numbers the collectives of a process by order.
config = tiny_config(folder, WITH_DROPOUT, epochs=2)
_, whole = trained("whole", config, "mirrored")

def die(model):
    raise SystemExit

try:
    trained("resumed", config, "mirrored", callbacks=[AtStep(8, die)])
except SystemExit:
    pass
_, resumed = trained("resumed", config, "mirrored")
for name, array in whole.items():
    assert np.array_equal(resumed[name], array), name
# The one batch there is need not be full.
trained("large", tiny_config(folder, WITH_DROPOUT, batch_size=100), "mirrored")
print("equal")
"""


def in_two_devices(program, folder):
    run = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES + program, str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.stdout.strip().endswith("equal"), run.stderr[-2000:]


@pytest.mark.slow
def test_two_devices_train_and_evaluate_as_one(tmp_path):
    in_two_devices(AS_ONE, tmp_path)


@pytest.mark.slow
def test_two_devices_drop_what_one_drops_with_xla_and_without(tmp_path):
    in_two_devices(WITH_DROPOUT, tmp_path)


@pytest.mark.slow
def test_a_run_on_two_devices_resumes_to_the_bit_and_bears_small_batches(tmp_path):
    in_two_devices(RESUMED, tmp_path)


def test_one_device_is_the_default_strategy():
    assert make_strategy("single", 7) is tf.distribute.get_strategy()


def test_an_unknown_strategy_lists_them():
    with pytest.raises(UsageError, match="mirrored, multi-worker. Received: 'b"):
        make_strategy("both", 8)
