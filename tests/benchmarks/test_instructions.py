import platform
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.instructions import (
    AVX2_ONLY,
    AVX512,
    describe_instructions,
    has_bfloat16,
    keep_to_avx2,
    name_instructions,
)

NUMPY = tuple(map(int, np.__version__.split(".")[:2]))


def test_a_process_kept_to_avx2_says_so(monkeypatch):
    for variable in AVX2_ONLY:
        monkeypatch.setenv(variable, "")
    keep_to_avx2()
    assert name_instructions() != AVX512
    assert not has_bfloat16()
    assert describe_instructions()["variables"] == AVX2_ONLY


@pytest.mark.skipif(platform.machine() != "x86_64", reason="has no AVX2")
@pytest.mark.skipif(
    NUMPY < (2, 4), reason="NumPy gave its kernels other names before 2.4"
)
def test_numpy_obeys_without_a_warning():
    program = """
from benchmarks.instructions import keep_to_avx2
keep_to_avx2()
import numpy, threadpoolctl
print(*{pool["architecture"] for pool in threadpoolctl.threadpool_info()})
"""
    command = [sys.executable, "-W", "error", "-c", program]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["Haswell"]
