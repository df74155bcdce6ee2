"""Pooling windows, and pooling by one-byte switches, for code outside this package.

A switch is the offset of a maximum inside its window. `MaxPoolWithArgmax` and `Unpool`
show the argmax instead, which takes eight times the memory. No gradient passes through
these: a graph that is traced for each image size would keep it for ever.
"""

from zfkeras.layers._pooling import max_pool_only as max_pool
from zfkeras.layers._pooling import max_pool_values
from zfkeras.layers._pooling import unpool_only as unpool
from zfkeras.layers._windows import Axis, Windows, at_least

__all__ = ["Axis", "Windows", "at_least", "max_pool", "max_pool_values", "unpool"]
