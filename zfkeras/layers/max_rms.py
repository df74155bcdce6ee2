"""The filter renormalisation of Zeiler & Fergus 2014, sec. 3."""

import math

import keras


@keras.saving.register_keras_serializable(package="zfkeras")
class MaxRMS(keras.constraints.Constraint):
    """Scales every filter whose root mean square exceeds a bound back to the bound.

    Zeiler & Fergus 2014, sec. 3: "we renormalize each filter in the convolutional
    layers whose RMS value exceeds a fixed radius of 10^-1 to this fixed radius". The
    root mean square is taken over one filter, kernel height x width x input channels;
    filters at or below the bound are left as they are.

    Args:
        max_value: the bound, above 0 and finite. Defaults to the paper's 0.1.

    Call arguments:
        w: kernel (..., filters): the last axis counts the filters, as in `Conv2D`.

    Raises:
        ValueError: `max_value` is not above 0 and finite.

    Example:
        >>> w = MaxRMS(0.1)(keras.ops.ones((7, 7, 3, 96)))
        >>> round(float(w[0, 0, 0, 0]), 6)
        0.1
    """

    def __init__(self, max_value=0.1):
        if not 0 < max_value < math.inf:
            raise ValueError(
                "`max_value` must be above 0 and finite. "
                f"Received: max_value={max_value!r}."
            )
        self.max_value = float(max_value)

    def __call__(self, w):
        rms = root_mean_square(w)
        # Zero filters have no direction to scale; the maximum keeps them at zero.
        scale = self.max_value / keras.ops.maximum(rms, self.max_value)
        return keras.ops.cast(keras.ops.multiply(w, scale), w.dtype)

    def get_config(self):
        return {"max_value": self.max_value}


def root_mean_square(w):
    """Returns each filter's root mean square of a kernel (..., filters), same rank.

    At least float32: in float16 the square of 300 is infinite and that of 1e-4 zero.
    """
    wide = keras.ops.cast(w, keras.backend.result_type(w.dtype, "float32"))
    axes = list(range(len(w.shape) - 1))
    squares = keras.ops.square(wide)
    return keras.ops.sqrt(keras.ops.mean(squares, axis=axes, keepdims=True))
