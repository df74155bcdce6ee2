"""Layers that do nothing to an image in inference."""

import keras

from visualize.rules.activations import Linear
from visualize.rules.registry import register_rule


@register_rule(
    keras.layers.ActivityRegularization,
    keras.layers.AlphaDropout,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.RandomBrightness,
    keras.layers.RandomContrast,
    keras.layers.RandomFlip,
    keras.layers.RandomRotation,
    keras.layers.RandomTranslation,
    keras.layers.RandomZoom,
    keras.layers.SpatialDropout2D,
)
class Silent(Linear):
    """Random in training only."""
