from benchmarks.precisions import BFLOAT16, FLOAT32, compare
from benchmarks.timing import Timing


def timing(seconds):
    return Timing(seconds, seconds, seconds)


TIMES = {
    (FLOAT32, "ours"): timing(2),
    (FLOAT32, "gains"): timing(4),
    (FLOAT32, "loses"): timing(5),
    (FLOAT32, "has none"): timing(6),
}
IN_BFLOAT16 = {
    (BFLOAT16, "ours"): timing(1),
    (BFLOAT16, "gains"): timing(3),
    (BFLOAT16, "loses"): timing(7),
}
TARGETS = {"gains": 2.0, "loses": 0.5}


def test_in_bfloat16_each_peer_counts_in_its_faster_precision():
    plain, fast = compare(TIMES | IN_BFLOAT16, "work", "size", "ours", TARGETS)
    assert (plain.what, fast.what) == ("work, size", "work in bfloat16, size")
    assert plain.seconds["gains"].median == 4
    assert {name: time.median for name, time in fast.seconds.items()} == {
        "ours": 1,
        "gains": 3,
        "loses, float32": 5,
        "has none, float32": 6,
        "ours in float32": 2,
    }
    assert plain.targets == TARGETS
    assert fast.targets == {
        "gains": 1.0,
        "loses, float32": 0.5,
        "has none, float32": 1.0,
    }


def test_without_bfloat16_there_is_one_row():
    (row,) = compare(TIMES, "work", "size", "ours", TARGETS)
    assert set(row.seconds) == {"ours", "gains", "loses", "has none"}
