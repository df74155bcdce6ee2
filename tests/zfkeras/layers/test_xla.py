import numpy as np
import pytest
import tensorflow as tf

from zfkeras.layers._xla import MAX_SHAPES, Compiled, batch_length


@pytest.fixture
def traced():
    """Shapes with which Python ran the function; XLA compiles at most these."""
    return []


@pytest.fixture
def double(traced):
    def function(x):
        traced.append(tuple(x.shape))
        return 2 * x, x + 1

    return Compiled(function)


def assert_right(results, x):
    for result, expected in zip(results, (2 * x, x + 1), strict=True):
        np.testing.assert_array_equal(result, expected)


def test_few_shapes_are_compiled_and_all_are_right(double, traced):
    for height in range(1, 3 * MAX_SHAPES):
        for rank in (3, 4):
            x = np.ones((2, *[1] * (rank - 3), height, 3), np.float32)
            assert_right(double(tf.constant(x)), x)
    assert {len(shape) for shape in traced} == {3, 4}  # no unknown rank
    known = [shape for shape in traced if None not in shape]
    assert MAX_SHAPES <= len(known) <= MAX_SHAPES + 6


@pytest.mark.parametrize("jit_compile", [False, True])
def test_an_unknown_batch_is_filled_up_and_cut_again(double, jit_compile):
    signature = [tf.TensorSpec((None, 2, 3))]
    run = tf.function(double, signature, jit_compile=jit_compile)
    for batch in (1, 5, 7, 16, 100, 300):
        x = np.random.default_rng(batch).normal(size=(batch, 2, 3)).astype("float32")
        assert_right(run(x), x)


def test_unknown_sizes_run_without_xla(double):
    run = tf.function(double, [tf.TensorSpec((None, None, 3))], autograph=False)
    x = np.ones((2, 5, 3), np.float32)
    assert_right(run(x), x)
    graph = run.get_concrete_function().graph.as_graph_def()
    assert not any("_XlaMustCompile" in f.attr for f in graph.library.function)


def test_an_unknown_batch_meets_few_lengths():
    lengths = [int(batch_length(tf.constant(batch))) for batch in range(1, 201)]
    assert all(length >= batch for batch, length in enumerate(lengths, 1))
    assert len({*lengths}) <= 16
    assert [lengths[batch - 1] for batch in (1, 16, 32, 64, 128)] == [
        1,
        16,
        32,
        64,
        128,
    ]
