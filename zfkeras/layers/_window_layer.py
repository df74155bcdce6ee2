"""The base of the layers that have pooling windows: their arguments and config."""

import keras

from zfkeras.layers._windows import Windows


class WindowLayer(keras.layers.Layer):
    """A layer with `pool_size`, `strides` and `padding`, as Keras's pools have them."""

    #: These layers take channels last alone.
    data_format = "channels_last"

    def __init__(self, pool_size=2, strides=None, padding="valid", **kwargs):
        super().__init__(**kwargs)
        self.windows = Windows.of(pool_size, strides, padding)

    @property
    def pool_size(self):
        """Window (height, width) in pixels."""
        return self.windows.pool_size

    @property
    def strides(self):
        """Step (vertical, horizontal) in pixels."""
        return self.windows.strides

    @property
    def padding(self):
        """Either "valid" or "same"."""
        return self.windows.padding

    def get_config(self):
        return {**super().get_config(), **self.windows.config}
