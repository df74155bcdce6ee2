import dataclasses

import numpy as np

from visualize.strongest.scan_state import (
    ScanState,
    load_state,
    save_state,
)

LAYERS = (("conv", 3), ("fc", 2))


def some_state() -> ScanState:
    random = np.random.default_rng(0)
    empty = ScanState.empty("key", LAYERS, 4)
    return dataclasses.replace(
        empty,
        next_position=17,
        num_images=16,
        values=random.normal(size=(5, 4)).astype(np.float32),
        places=random.integers(0, 99, (5, 4, 4)),
        bad_images={"größer \U0001f408.jpg": "truncated"},
    )


def assert_equal(first, second):
    for field in dataclasses.fields(first):
        one, other = getattr(first, field.name), getattr(second, field.name)
        np.testing.assert_array_equal(one, other, field.name)


def test_a_damaged_file_is_noticed_or_reads_the_same(tmp_path, caplog):
    path = tmp_path / "s.npz"
    save_state(path, some_state())
    assert_equal(load_state(path), some_state())
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 41):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        state = load_state(path)
        if state is None:
            refused += 1
        else:
            assert_equal(state, some_state())
    assert refused > len(whole) / 41 / 2
    assert "is damaged" in caplog.text


def test_only_a_finished_scan_serves_fewer_layers():
    state = some_state()
    assert state.serves("key", LAYERS, 4)
    assert state.serves("key", LAYERS, 2)
    assert not state.serves("other", LAYERS, 4)
    assert not state.serves("key", LAYERS, 5)
    assert not state.serves("key", LAYERS[:1], 4)
    done = dataclasses.replace(state, is_complete=True)
    assert done.serves("key", LAYERS[:1], 4)
    assert not done.serves("key", (*LAYERS, ("conv2", 3)), 4)
    assert not done.serves("key", (("conv", 4),), 4)
