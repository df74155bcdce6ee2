import dataclasses

import keras
import numpy as np
import pytest

from tests.helpers.splits import noise_split
from visualize.strongest.scan_state import (
    ScanState,
    fingerprint,
    load_state,
    save_state,
)
from zfkeras.data.preprocessing import Preprocessing

LAYERS = (("conv", 3), ("fc", 2))
PLAIN = Preprocessing(np.zeros((8, 8, 3), np.float32), 8)


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


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_what_is_no_state_is_passed_over(tmp_path, content, caplog):
    path = tmp_path / "s.npz"
    path.write_bytes(content)
    assert load_state(path) is None
    assert str(path) in caplog.text


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


def network(strides=1, seed=0, activation="relu"):
    images = keras.Input((8, 8, 3), name="images")
    conv = keras.layers.Conv2D(
        2, 3, strides, activation=activation, name="conv", padding="same"
    )
    model = keras.Model(images, conv(images))
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(size=w.shape) for w in model.weights])
    return model


def test_the_fingerprint_changes_with_whatever_changes_the_answer():
    split = noise_split(5, 8)
    same = fingerprint(network(), PLAIN, split, "noise")
    assert same == fingerprint(network(), PLAIN, noise_split(5, 8), "noise")
    shifted = dataclasses.replace(PLAIN, mean_image=PLAIN.mean_image + 1)
    relabelled = dataclasses.replace(split, labels=split.labels + 1)
    renamed = dataclasses.replace(split, ids=np.array([b"x", *split.ids[1:]]))
    others = [
        fingerprint(network(seed=1), PLAIN, split, "noise"),
        fingerprint(network(strides=2), PLAIN, split, "noise"),
        fingerprint(network(activation="linear"), PLAIN, split, "noise"),
        fingerprint(network(), shifted, split, "noise"),
        fingerprint(network(), PLAIN, split, "other"),
        fingerprint(network(), PLAIN, noise_split(6, 8), "noise"),
        fingerprint(network(), PLAIN, relabelled, "noise"),
        fingerprint(network(), PLAIN, renamed, "noise"),
    ]
    assert len({same, *others}) == len(others) + 1


def test_a_split_without_a_list_of_names_has_a_fingerprint_too():
    split = noise_split(5, 8)

    class Streamed:
        num_examples = 5
        stream = staticmethod(split.stream)

    first = fingerprint(network(), PLAIN, Streamed(), "noise")
    assert first == fingerprint(network(), PLAIN, Streamed(), "noise")
    split = dataclasses.replace(split, labels=split.labels + 1)
    Streamed.stream = staticmethod(split.stream)
    assert first != fingerprint(network(), PLAIN, Streamed(), "noise")
