"""Spans against windows that are written out one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zfkeras.graph.boxes import Boxes, Span
from zfkeras.layers.switches import Axis

settings.register_profile("loaded machine", deadline=None, database=None)
settings.load_profile("loaded machine")


@st.composite
def windows(draw):
    """An axis, and a length on which it has windows."""
    pool = draw(st.integers(1, 6))
    padding = draw(st.sampled_from(["valid", "same", -1, 0, 2]))
    if isinstance(padding, int):  # what padding and cropping do
        return Axis(1, 1, padding), draw(st.integers(4, 20))
    length = draw(st.integers(pool, 24))
    return Axis(pool, draw(st.integers(1, 5)), padding), length


def pixels(span, unit=0):
    """The pixels of a unit, one by one."""
    start = span.start + unit * span.stride
    return {*range(start, start + span.size)}


def read(axis, length, unit):
    """The pixels, padding included, that a unit of a layer's output reads."""
    first = unit * axis.stride - axis.before(length)
    return {*range(first, first + axis.pool)}


@given(windows(), st.integers(-3, 9), st.integers(1, 5), st.integers(0, 3))
def test_below_is_the_hull_of_what_is_read(window, start, size, stride):
    axis, length = window
    span = Span(start, size, stride)
    for unit in range(4):
        seen = set.union(*(read(axis, length, p) for p in pixels(span, unit)))
        below = pixels(span.below(axis, length), unit)
        assert (min(below), max(below)) == (min(seen), max(seen))


@given(
    windows(), st.lists(st.integers(0, 20), min_size=1), st.integers(1, 6), st.data()
)
def test_above_holds_all_that_read_some_and_is_no_larger_than_needed(
    window, starts, size, data
):
    axis, length = window
    output = data.draw(st.integers(1, 20)) if axis.pool == 1 else axis.output(length)
    found = Span(np.array(starts), size).above(axis, length, output)
    sizes = [1]
    for start, first in zip(starts, found.start, strict=True):
        box = {*range(start, start + size)}
        reached = {u for u in range(output) if read(axis, length, u) & box}
        assert reached <= {*range(first, first + found.size)} <= {*range(output)}
        sizes += [max(reached) - min(reached) + 1] if reached else []
    assert found.size == max(sizes)


@given(*(st.integers(-5, 9) for _ in range(2)), *(st.integers(1, 9) for _ in range(2)))
def test_both_together_are_the_hull(start, other_start, size, other_size):
    one, other = Span(start, size, 2), Span(other_start, other_size, 2)
    both = pixels(one) | pixels(other)
    assert pixels(one | other) == {*range(min(both), max(both) + 1)}
    arrays = Span(np.array([start, other_start]), size)
    hull = arrays | Span(np.array([other_start, start]), other_size)
    assert hull.size >= max(size, other_size)
    assert hull.start.tolist() == [min(start, other_start)] * 2


@given(
    st.integers(1, 40),
    st.integers(1, 7),
    st.integers(1, 5),
    st.sampled_from(["valid", "same"]),
)
def test_windows_stand_as_tensorflow_pads(length, pool, stride, padding):
    # The formulas of TensorFlow's documentation, in their own words.
    axis = Axis(pool, stride, padding)
    if padding == "valid":
        if length < pool:
            return
        assert axis.output(length) == int(np.ceil((length - pool + 1) / stride))
        assert axis.before(length) == 0
        return
    rest = length % stride
    total = max(pool - (stride if rest == 0 else rest), 0)
    assert axis.output(length) == int(np.ceil(length / stride))
    assert axis.before(length) == total // 2


def test_boxes_have_one_size_and_reach_past_the_image():
    field = Boxes(Span(-2, 7, 2), Span(1, 5, 4))
    assert (field.size, field.stride) == ((7, 5), (2, 4))
    assert field.box((0, 0)) == (-2, 1, 5, 6)
    assert field.box((3, 2)) == (4, 9, 11, 14)
    inner = Boxes(Span(0, 2, 2), Span(3, 2, 4))
    assert inner.margins(field) == [[2, 3], [2, 1]]
    assert field.share((14, 10)) == 0.25
