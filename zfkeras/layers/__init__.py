"""The three layers that Keras lacks: argmax pooling, unpooling, and LRN."""

from zfkeras.layers.local_response_normalization import LocalResponseNormalization
from zfkeras.layers.max_pool_with_argmax import MaxPoolWithArgmax
from zfkeras.layers.unpool import Unpool

__all__ = ["LocalResponseNormalization", "MaxPoolWithArgmax", "Unpool"]
