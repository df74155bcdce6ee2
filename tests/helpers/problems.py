"""Samples of classes that a linear head can tell apart."""

import numpy as np


def problem(n_images, n_features, n_classes):
    """Noise around a centre of each class: features and labels."""
    random = np.random.default_rng(n_images)
    labels = np.arange(n_images) % n_classes
    centres = random.normal(size=(n_classes, n_features))
    features = centres[labels] + random.normal(size=(n_images, n_features))
    return np.float32(features * 3 + 2), labels
