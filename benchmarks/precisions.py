"""The precisions in which ours and the peers are measured."""

from collections.abc import Mapping

import keras

from benchmarks.comparison import Comparison
from benchmarks.instructions import has_bfloat16
from zfkeras.models.zfnet import ZFNet

FLOAT32, BFLOAT16 = "float32", "mixed_bfloat16"
#: Keras's dtype policy -> how close answers must be to ours in float32. Of activations
#: that are about equal, bfloat16 often finds another one the strongest. Without its
#: normalisations a twin would be off by 1.2 and more.
CLOSENESS = {
    FLOAT32: {"tolerance": 1e-3, "share": 0.9},
    BFLOAT16: {"tolerance": 0.5, "share": 0.5},
}


def fast_policies() -> list[str]:
    """Returns float32 and, where the CPU has instructions for it, bfloat16."""
    return [FLOAT32, BFLOAT16] if has_bfloat16() else [FLOAT32]


def with_policy(model: keras.Model, policy: str) -> keras.Model:
    """Makes the same network, with the same weights, of another dtype policy."""
    if policy == FLOAT32:
        return model
    other = ZFNet(
        model.output_shape[-1],
        variant=model.name,
        dtype=policy,
        kernel_initializer="he_normal",
    )
    other.set_weights(model.get_weights())
    return other


def compare(times: Mapping, work: str, size: str, ours: str, targets, **facts):
    """Makes a row for each precision; peers count in the one in which they are faster.

    Args:
        times: (dtype policy, name) -> timing; all have float32.
        work: what is done.
        size: what it is done with.
        ours: which name is ours.
        targets: peer -> how many times as long it must take; in bfloat16 as long, or
            less where this is less.
        facts: of `Comparison`.

    Returns:
        list of `Comparison`.
    """
    row = {name: time for (one, name), time in times.items() if one == FLOAT32}
    rows = [Comparison(f"{work}, {size}", ours, row, targets, **facts)]
    if (BFLOAT16, ours) not in times:
        return rows
    best, goals = {}, {}
    for name, slow in row.items():
        fast = times.get((BFLOAT16, name), slow)
        is_faster = name == ours or fast.median < slow.median
        label = name if is_faster else f"{name}, float32"
        best[label] = fast if is_faster else slow
        if name != ours:
            goals[label] = min(targets.get(name, 1.0), 1.0)
    best["ours in float32"] = row[ours]
    what = f"{work} in bfloat16, {size}"
    return [*rows, Comparison(what, ours, best, goals, **facts)]
