"""The deconvnet and the figures of the paper.

Names are loaded on first use, so that `--help` never waits for TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING

_HOMES = {
    "Deconvnet": "visualize.deconvnet",
    "EvolutionCallback": "visualize.evolution_callback",
    "Projection": "visualize.deconvnet",
    "InvarianceMeter": "visualize.invariance_meter",
    "Rule": "visualize.rules",
    "SlidingOccluder": "visualize.sliding_occluder",
    "TopActivations": "visualize.top_activations",
    "register_rule": "visualize.rules",
    "stretch": "visualize.contrast",
}

__all__ = [
    "Deconvnet",
    "EvolutionCallback",
    "InvarianceMeter",
    "Projection",
    "Rule",
    "SlidingOccluder",
    "TopActivations",
    "register_rule",
    "stretch",
]

if TYPE_CHECKING:
    from visualize.contrast import stretch
    from visualize.deconvnet import Deconvnet, Projection
    from visualize.evolution_callback import EvolutionCallback
    from visualize.invariance_meter import InvarianceMeter
    from visualize.rules import Rule, register_rule
    from visualize.sliding_occluder import SlidingOccluder
    from visualize.top_activations import TopActivations


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'visualize' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return sorted([*globals(), *__all__])
