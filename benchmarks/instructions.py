"""Which vector instructions the libraries use, and how to keep them to AVX2.

Libraries look at their variables once, when they are loaded. So nothing here imports
one of them.
"""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

AVX512, AVX2 = "AVX-512", "AVX2"
#: What makes a CPU with AVX-512 compute like one without it.
AVX2_ONLY: Mapping[str, str] = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # TensorFlow's convolutions and products; PyTorch's
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Haswell",  # products of NumPy, SciPy and scikit-learn
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own operations
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def keep_to_avx2() -> None:
    """Sets the variables, for this process and those that it starts."""
    os.environ.update(AVX2_ONLY)


def name_instructions() -> str:
    """Returns the widest vector instructions that the libraries may use."""
    features = _cpu_features()
    if "avx512f" in features and not _is_kept_to_avx2():
        return AVX512
    return AVX2 if "avx2" in features else platform.machine()


def has_bfloat16() -> bool:
    """Returns whether products in bfloat16 have instructions, which make them fast."""
    has_units = _cpu_features() & {"avx512_bf16", "amx_bf16"}
    return bool(has_units) and not _is_kept_to_avx2()


def describe_instructions() -> dict:
    """Returns what the record of a result says: their name and the variables."""
    variables = {name: os.environ.get(name) for name in AVX2_ONLY}
    return {"widest": name_instructions(), "variables": variables}


def _is_kept_to_avx2():
    return os.environ.get("ONEDNN_MAX_CPU_ISA") == AVX2_ONLY["ONEDNN_MAX_CPU_ISA"]


def _cpu_features() -> set[str]:
    """Returns Linux's names of what the CPU can do; none on other systems."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    flags = (line.partition(":")[2] for line in lines if line.startswith("flags"))
    return set(next(flags, "").split())
