import json

import numpy as np
import pytest

from benchmarks import gpu_check
from benchmarks.gpu_answers import difference


@pytest.mark.slow
def test_the_check_runs_without_a_gpu_and_says_what_it_left_out(tmp_path):
    assert gpu_check.main(["--size", "smallest", "--workdir", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "gpu_check.json").read_text())
    assert found["gpus"] == 0 and found["failures"] == []
    assert "Not run: the tests marked gpu" in found["findings"][0]
    assert [row["jit"] for row in found["steps"]] == [False, True]
    assert all(row["images_per_second"] > 0 for row in found["steps"])
    (squares,) = found["input"]
    assert 0 < squares["input_share"] < 1
    answers = {row["answer"]: row["difference"] for row in found["answers"]}
    # Other kernels than the peer's: equal to the bit would mean that they are the same.
    assert 0 < answers["features of layer 7"] < 1e-4
    assert 0 < answers["projection of layer 5"] < 1e-2
    tables = (tmp_path / "gpu_check.md").read_text()
    assert "images/s" in tables and "tensorflow" in found["environment"]


def test_differences_are_shares_of_what_is_expected():
    expected = np.array([[0.0, -4.0], [3.0, 0.0]], np.float32)
    found = expected + np.array([[0.0, 0.0], [0.0, 2.0]], np.float32)
    assert difference("features of layer 5", found, expected) == 0.5
    assert difference("projection of layer 5", found, expected) == 0.4
