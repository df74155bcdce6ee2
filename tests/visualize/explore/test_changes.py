"""Turns, shifts, enlargements and covers of a photograph, beside NumPy."""

import numpy as np
import pytest

from tests.helpers.splits import noise
from visualize.explore.changes import Change
from zfkeras.errors import UsageError

WHOLE = noise(5, 20, 20)
GROUND = np.full_like(WHOLE, 7)


def applied(text, seen=(10, 10)):
    return Change.parse(text).applied(WHOLE, seen, GROUND)


def test_nothing_is_changed_where_nothing_is_asked():
    for text in ("turn=0", "zoom=1", "right=0;down=0"):
        assert np.array_equal(applied(text), WHOLE)


def test_turns_are_against_the_clock():
    for text, wanted in (("turn=90", np.rot90(WHOLE)), ("turn=180", WHOLE[::-1, ::-1])):
        np.testing.assert_allclose(applied(text).astype(int), wanted, atol=1)


def test_shifts_are_shares_of_what_the_network_sees():
    wanted = np.full_like(WHOLE, 7)
    wanted[3:, 2:] = WHOLE[:-3, :-2]
    assert np.array_equal(applied("right=0.2;down=0.3"), wanted)


def test_enlarging_keeps_the_middle():
    halves = np.repeat(np.repeat([[50, 150], [200, 250]], 10, 0), 10, 1)
    whole = np.repeat(halves[..., None], 3, 2).astype(np.uint8)
    found = Change(zoom=2).applied(whole, (10, 10), GROUND)
    assert np.array_equal(found[:9, :9], whole[:9, :9])
    assert np.array_equal(found[11:, 11:], whole[11:, 11:])
    smaller = Change(zoom=0.5).applied(whole, (10, 10), GROUND)
    assert (smaller[:4] == 7).all() and (smaller[6:9, 6:9] == 50).all()


@pytest.mark.parametrize(
    ("y", "x", "rows", "columns"),
    [(0.5, 0.5, (9, 11), (9, 11)), (0, 1, (5, 7), (13, 15))],
)
def test_the_square_covers_a_fifth_of_what_is_seen(y, x, rows, columns):
    wanted = WHOLE.copy()
    wanted[slice(*rows), slice(*columns)] = 7
    assert np.array_equal(applied(f"y={y};x={x}"), wanted)


@pytest.mark.parametrize(
    "text", ["turn", "turn=x", "turn=nan", "turn=181", "zoom=0", "size=3", "turn=1;;"]
)
def test_changes_that_make_no_sense_are_refused(text):
    with pytest.raises(UsageError) as caught:
        Change.parse(text)
    assert caught.value.argument == "change"


def test_a_changed_photograph_has_a_key_and_answers_of_its_own(client, explorer):
    as_it_is = client.json("api/photographs/0")
    turned = client.json("api/photographs/0;turn=90")
    square = np.rot90(explorer.album.find("0").square)
    network = explorer.network.classifier
    wanted = network.predict(np.ascontiguousarray(square))[0]
    best = turned["classes"][0]
    assert best["probability"] == pytest.approx(wanted.max(), rel=0.01)
    assert best != as_it_is["classes"][0]
    path = "api/photographs/0;turn=90/picture"
    assert client.get(path).content != client.get("api/photographs/0/picture").content
    assert client.get("api/photographs/0;turn=200").status_code == 400
