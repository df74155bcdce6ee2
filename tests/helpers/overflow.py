"""`python -m tests.helpers.overflow`, one worker: a step that overflows in one of two.

In float16, with what XLA compiles.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from tests.helpers.runs import tiny_config
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.training.distributed.strategies import make_strategy
from zfkeras.training.distributed.workers import Workers
from zfkeras.training.network import build_network


def main():
    """Steps that both can take around one that worker 1 cannot."""
    strategy = make_strategy("multi-worker", 8, {}, 120)
    workers = Workers(strategy)
    config = tiny_config("nowhere", mixed_precision="float16")
    model = dataclasses.replace(config.model, variant="zfnet_quarter_without_6_7")
    config = dataclasses.replace(config, model=model)
    preprocessing = Preprocessing(np.zeros((64, 64, 3), np.float32), 56, 1.0, None)
    network = build_network(config, 2, preprocessing, strategy, jit_compile=True)
    optimizer = network.optimizer

    def value(variable):
        return np.asarray(variable.value)

    def step(scale_of_one):
        def part(context):
            random = np.random.default_rng(context.replica_id_in_sync_group)
            images = random.normal(0, 1, (4, 56, 56, 3)).astype(np.float32)
            images *= scale_of_one if workers.index else 1
            labels = tf.constant([0, 1, 0, 1], tf.int64)
            return {
                "image": tf.constant(images),
                "label": labels,
                "good": tf.fill([4], True),
            }

        batch = strategy.experimental_distribute_values_from_function(part)
        network.train_step(batch, tf.constant(8.0))
        weights = [value(v) for v in network.model.trainable_variables]
        assert all(np.isfinite(weight).all() for weight in weights)
        state = {"scale": float(value(optimizer.dynamic_scale))}
        state["steps"] = int(value(optimizer.iterations))
        state["sums"] = [float(weight.sum(dtype=np.float64)) for weight in weights]
        assert workers.exchange(state) == [state, state]
        return state

    for _ in range(20):  # until the scale suits both
        before = step(1.0)
        if before["steps"]:
            break
    after = step(1e6)
    assert after["sums"] == before["sums"]
    assert after["scale"] == before["scale"] / 2
    assert after["steps"] == before["steps"]
    again = step(1.0)
    assert again["steps"] == before["steps"] + 1
    assert again["sums"] != before["sums"]
    print("skipped together")


if __name__ == "__main__":
    main()
