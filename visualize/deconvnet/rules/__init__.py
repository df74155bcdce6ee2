"""How a signal goes down through each kind of layer: one idea a file."""

from visualize.deconvnet.rules import (
    activations,
    convolutions,
    dense,
    frozen,
    gates,
    linear,
    merging,
    normalization,
    passing,
    pools,
    shapes,
    smooth,
)
from visualize.deconvnet.rules.registry import find_rule, register_rule, require_rule
from visualize.deconvnet.rules.rule import Call, Options, Rule, Slot
from zfkeras.graph.kinds import POINTWISE

__all__ = [
    "POINTWISE",
    "Call",
    "Options",
    "Rule",
    "Slot",
    "activations",
    "convolutions",
    "dense",
    "find_rule",
    "frozen",
    "gates",
    "linear",
    "merging",
    "normalization",
    "passing",
    "pools",
    "register_rule",
    "require_rule",
    "shapes",
    "smooth",
]
