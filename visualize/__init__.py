"""The deconvnet and the figures of the paper.

Names are loaded on first use, so that `--help` never waits for TensorFlow.
"""

from typing import TYPE_CHECKING

from zfkeras.io.extras import load_name

_HOMES = {
    "Deconvnet": "visualize.deconvnet.deconvnet",
    "EvolutionCallback": "visualize.figures.evolution.callback",
    "Figure": "visualize.figures.figure",
    "Projection": "visualize.deconvnet.deconvnet",
    "InvarianceMeter": "visualize.figures.invariance.meter",
    "Rule": "visualize.deconvnet.rules",
    "SlidingOccluder": "visualize.figures.occlusion.sliding_occluder",
    "TopActivations": "visualize.strongest.top_activations",
    "open_explorer": "visualize.explore.notebook",
    "register_figure": "visualize.figures.catalogue",
    "register_rule": "visualize.deconvnet.rules",
    "to_uint8": "visualize.images.contrast",
}

__all__ = [
    "Deconvnet",
    "EvolutionCallback",
    "Figure",
    "InvarianceMeter",
    "Projection",
    "Rule",
    "SlidingOccluder",
    "TopActivations",
    "open_explorer",
    "register_figure",
    "register_rule",
    "to_uint8",
]

if TYPE_CHECKING:
    from visualize.deconvnet.deconvnet import Deconvnet, Projection
    from visualize.deconvnet.rules import Rule, register_rule
    from visualize.explore.notebook import open_explorer
    from visualize.figures.catalogue import register_figure
    from visualize.figures.evolution.callback import EvolutionCallback
    from visualize.figures.figure import Figure
    from visualize.figures.invariance.meter import InvarianceMeter
    from visualize.figures.occlusion.sliding_occluder import SlidingOccluder
    from visualize.images.contrast import to_uint8
    from visualize.strongest.top_activations import TopActivations


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'visualize' has no attribute {name!r}")
    return load_name(_HOMES[name], name)


def __dir__():
    return sorted([*globals(), *__all__])
