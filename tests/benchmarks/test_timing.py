import time

from benchmarks.timing import find_fastest


def test_the_fastest_setting_is_found():
    assert find_fastest({"slow": 0.01, "fast": 0.0, "slower": 0.02}, time.sleep) == (
        "fast"
    )
