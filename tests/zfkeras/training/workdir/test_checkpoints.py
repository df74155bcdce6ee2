import logging

import keras
import numpy as np
import pytest

from zfkeras.errors import RunError
from zfkeras.training.workdir.checkpoints import (
    Checkpoints,
    assign,
    to_arrays,
    variables_of,
)


def small_run():
    inputs = keras.Input((4,))
    x = keras.layers.Dropout(0.5, name="dropout")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="dense")(x))
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, name="sgd")
    optimizer.build(model.trainable_variables)
    return model, optimizer


def take_a_step(model, optimizer):
    model(np.ones((2, 4)), training=True)  # draws from dropout's generator
    gradients = [keras.ops.ones_like(v) for v in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)


def test_weights_velocity_rate_and_dropout_come_back(tmp_path):
    model, optimizer = small_run()
    take_a_step(model, optimizer)
    optimizer.learning_rate.assign(0.025)
    checkpoints = Checkpoints(tmp_path)
    variables = variables_of(model, optimizer)
    checkpoints.save(1, to_arrays(variables), {"epoch": 0})
    mask = np.asarray(model(np.ones((8, 4)), training=True))
    take_a_step(model, optimizer)
    after = to_arrays(variables)

    model2, optimizer2 = small_run()
    arrays, state = checkpoints.load_latest()
    variables2 = variables_of(model2, optimizer2)
    assign(variables2, arrays)
    assert state == {"epoch": 0}
    assert float(optimizer2.learning_rate) == pytest.approx(0.025)
    assert np.array_equal(model2(np.ones((8, 4)), training=True), mask)
    take_a_step(model2, optimizer2)
    for name, array in to_arrays(variables2).items():
        assert np.array_equal(array, after[name]), name


def test_the_newest_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (5, 10, 20):
        checkpoints.save(step, {"x": np.array(step)}, {})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step-000000010.npz", "step-000000020.npz"]
    assert checkpoints.load_latest()[0]["x"] == 20


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [flip, cut, lambda path: path.write_bytes(b"")])
def test_a_damaged_file_is_named_and_the_one_before_used(tmp_path, damage, caplog):
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(step, {"x": np.full(1000, step)}, {"step": step})
    damage(tmp_path / "step-000000002.npz")
    with caplog.at_level(logging.WARNING):
        arrays, state = checkpoints.load_latest()
    assert state == {"step": 1} and (arrays["x"] == 1).all()
    assert "step-000000002.npz is damaged" in caplog.text


def test_what_a_killed_process_left_half_written_goes(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"x": np.zeros(3)}, {})
    (tmp_path / ".0a1b2c3d.step-000000002.npz").write_bytes(b"half")
    assert checkpoints.load_latest() is not None
    checkpoints.save(2, {"x": np.zeros(3)}, {})
    assert {path.name for path in tmp_path.iterdir()} == {
        "step-000000001.npz",
        "step-000000002.npz",
    }


def test_when_all_are_damaged_the_run_stops_with_a_remedy(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    flip(checkpoints.save(1, {"x": np.zeros(1000)}, {}))
    with pytest.raises(RunError, match="every checkpoint .* --overwrite"):
        checkpoints.load_latest()


def without(arrays, name):
    return {key: array for key, array in arrays.items() if key != name}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("model/dense/kernel", lambda a, name: {**a, name: np.zeros((4, 5))}),
        ("optimizer/sgd/dense_bias_momentum", without),
        ("model/conv1/kernel", lambda a, name: {**a, name: np.zeros(3)}),
    ],
)
def test_another_network_s_checkpoint_is_refused_by_name(name, change):
    variables = variables_of(*small_run())
    before = to_arrays(variables)
    with pytest.raises(RunError, match="another network") as refused:
        assign(variables, change(before, name))
    assert refused.value.argument == name and "\n" not in str(refused.value)
    for key, array in to_arrays(variables).items():
        assert np.array_equal(array, before[key])


def test_no_flipped_byte_gets_through_or_stops_the_run(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        arrays = {"a": np.full(3, step, np.float32), "b": np.array(step)}
        checkpoints.save(step, arrays, {"step": step})
    path = tmp_path / "step-000000002.npz"
    content = path.read_bytes()
    steps = set()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= (0x01, 0x08, 0x40)[place % 3]
        path.write_bytes(flipped)
        arrays, state = checkpoints.load_latest()
        steps.add(state["step"])
        assert arrays.keys() == {"a", "b"}
        assert arrays["a"].tolist() == [state["step"]] * 3
        assert arrays["b"] == state["step"]
    assert steps == {1, 2}  # a date, say, may change unnoticed
