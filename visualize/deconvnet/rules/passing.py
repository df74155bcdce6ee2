"""Layers that do nothing to an image in inference."""

from visualize.deconvnet.rules.activations import Linear
from visualize.deconvnet.rules.registry import register_rule
from zfkeras.graph.kinds import SILENT


@register_rule(*SILENT)
class Silent(Linear):
    """Random in training only."""
