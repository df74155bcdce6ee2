import numpy as np
import pytest

from tests.helpers.coarse import PLAIN, coarse_split, whole_numbers
from visualize.strongest.scan_merge import merge
from visualize.strongest.scan_state import load_state
from visualize.strongest.top_activations import TopActivations


@pytest.mark.parametrize("count", [1, 4, 30])
def test_parts_in_any_order_are_one_scan_ties_and_all(count, tmp_path):
    finder = TopActivations(whole_numbers(), ("conv", "pool", "fc"), count, PLAIN)
    split = coarse_split(23)
    finder.scan(split, batch_size=4, state_path=tmp_path / "whole.npz")
    whole = load_state(tmp_path / "whole.npz")
    bounds = [(0, 8), (8, 16), (16, 23)]
    parts = [finder.scan_stretch(split, *b, batch_size=4) for b in bounds]
    for order in ((0, 1, 2), (2, 0, 1)):
        found = merge(parts[number] for number in order)
        assert np.array_equal(found.values, whole.values)
        assert np.array_equal(found.places, whole.places)
        assert found.num_images == whole.num_images == found.next_position == 23
    # Ties are what is tested: there must be some that cross the parts.
    if count == 4:
        tied = np.diff(whole.values, axis=1) == 0
        assert (tied & (np.diff(whole.places[..., 0] // 8, axis=1) > 0)).any()
