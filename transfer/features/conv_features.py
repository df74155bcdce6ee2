"""`ConvFeatures`: images in, features of one layer out, for scikit-learn's pipelines.

It keeps nothing on disk; `transfer.features.extraction` keeps features of data sets.
"""

import functools
import math
import os

from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)

from zfkeras.models.classifier import Classifier
from zfkeras.models.presets import load


class ConvFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Turns images into the features of one layer of a trained network.

    The network is frozen: `fit` learns nothing, and `transform` works without it. The
    features are those that `transfer.caltech` learns from: the layer's output for the
    centre crop of each image, flattened, and not scaled. `SVMHead` and `SoftmaxHead`
    divide features by one number, the root of their mean square norm, so that one C
    suits every layer. Before linear models of scikit-learn, put a `StandardScaler`.

    The network is loaded at first use. The last two that were loaded by name or path
    stay in memory, so that a grid search reads each file once. A pickled estimator
    holds only its parameters.

    With `make_pipeline(..., memory=folder)` a grid search computes the features of a
    fold's training images once for each layer, not once for each C; those of the images
    it is tested on are computed each time. The cache knows images and networks that are
    given as paths by the path alone: empty the folder when a file changes.

    Args:
        model: the network: a preset's name such as "quarter" (default), the path of a
            `.keras` file that `zfkeras.Classifier.save` wrote, or a `Classifier`, which
            clones share.
        layer: the paper's number, 1 to 7 (default: 7, the paper's features), or the
            name of a layer, as in `zfkeras.Classifier.features`.
        batch_size: images that go through the network at once.

    Attributes:
        n_features_out_: number of features.

    Example:
        >>> import numpy as np
        >>> from sklearn.pipeline import make_pipeline
        >>> from transfer import ConvFeatures, SVMHead
        >>> images = [np.full((64, 64, 3), grey, np.uint8) for grey in (0, 9, 240, 255)]
        >>> pipeline = make_pipeline(ConvFeatures("quarter", layer=5), SVMHead())
        >>> pipeline.fit(images, [0, 0, 1, 1]).predict([images[0], images[3]])
        array([0, 1])
        >>> pipeline[0].transform(images).shape
        (4, 1152)
    """

    def __init__(self, model="quarter", layer=7, batch_size=64):
        self.model = model
        self.layer = layer
        self.batch_size = batch_size

    def fit(self, X, y=None):
        """Loads the network and checks the parameters; images are not read.

        Args:
            X: ignored.
            y: ignored.

        Returns:
            self.

        Raises:
            FileNotFoundError: `model` is neither a preset nor a file.
            UsageError: a file that is no such model, or a layer the network lacks.
            ValueError, TypeError: a batch size that is not a whole number above 0.
        """
        self.n_features_out_ = self._compute([]).shape[1]
        return self

    def transform(self, X):
        """Computes the features of images.

        Args:
            X: n images: a list of arrays (height, width, 3) of range 0-255, uint8 or
                float, paths, encoded files' bytes or Pillow images; an array of paths
                (n,); or one array (n, height, width, 3).

        Returns:
            float32 array (n, n_features), or what `set_output` asks for.

        Raises:
            FileNotFoundError: a path that is not there.
            BadImage: an image that cannot be decoded.
            UsageError, ValueError, TypeError: as in `fit`, or what is no image.
        """
        return self._compute(X)

    def _compute(self, images):
        maps = _find_network(self.model).features(
            images, self.layer, batch_size=self.batch_size
        )
        return maps.reshape(len(maps), math.prod(maps.shape[1:]))

    @property
    def _n_features_out(self):
        return self.n_features_out_  # scikit-learn names the features by it

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _find_network(model):
    if isinstance(model, Classifier):
        return model
    name = str(model)
    changed = os.stat(name).st_mtime_ns if os.path.isfile(name) else None
    return _load(name, changed)


@functools.lru_cache(maxsize=2)
def _load(name, changed):
    """Loads a network by name or path; reads a file that has changed again."""
    return load(name)
