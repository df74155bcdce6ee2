"""The register of layer kinds: the role of each, and the windows its outputs depend on.

One register, keyed by class. It computes nothing.
"""

import dataclasses
import enum

import keras

from zfkeras.errors import UsageError
from zfkeras.layers.local_response_normalization import LocalResponseNormalization
from zfkeras.layers.max_pool_with_argmax import MaxPoolWithArgmax
from zfkeras.layers.switches import Axis


class Role(enum.Enum):
    """What a kind of layer does in a network."""

    CONVOLUTION = enum.auto()  # its kernel is filters over all channels
    SPECIAL_CONVOLUTION = enum.auto()  # depthwise, separable, transposed
    DENSE = enum.auto()
    GLOBAL_POOL = enum.auto()
    SILENT = enum.auto()  # hands on the same numbers, in their or in other places
    OTHER = enum.auto()  # none of these


#: Pools that keep one number of a window: which one depends on the image.
MAX_POOLS = (
    MaxPoolWithArgmax,
    keras.layers.MaxPooling2D,
    keras.layers.GlobalMaxPooling2D,
)
#: The windows of a layer that works on each position alone.
POINTWISE = (Axis(1, 1, "valid"), Axis(1, 1, "valid"))
#: In place of windows: each number of the output depends on the whole input.
WHOLE = "whole"
#: Layers that change images in training only, and nothing in inference.
SILENT = (
    keras.layers.ActivityRegularization,
    keras.layers.AlphaDropout,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.RandomBrightness,
    keras.layers.RandomColorDegeneration,
    keras.layers.RandomColorJitter,
    keras.layers.RandomContrast,
    keras.layers.RandomElasticTransform,
    keras.layers.RandomErasing,
    keras.layers.RandomFlip,
    keras.layers.RandomGaussianBlur,
    keras.layers.RandomGrayscale,
    keras.layers.RandomHue,
    keras.layers.RandomInvert,
    keras.layers.RandomPerspective,
    keras.layers.RandomPosterization,
    keras.layers.RandomRotation,
    keras.layers.RandomSaturation,
    keras.layers.RandomSharpness,
    keras.layers.RandomShear,
    keras.layers.RandomTranslation,
    keras.layers.RandomZoom,
    keras.layers.SpatialDropout2D,
    "keras.applications.StochasticDepth",
)


class Register:
    """Kinds of layers, operations and functions, each with a value.

    A subclass of a layer class has the same value if it overrides its constructor
    only.
    """

    def __init__(self):
        self._values = {}

    def add(self, kinds, value) -> None:
        """Gives kinds a value; the last value counts.

        Args:
            kinds: layer classes, functions, or names of Keras operations, whose classes
                are not public: "keras.ops.Relu".
            value: the value.
        """
        self._values.update(dict.fromkeys(kinds, value))

    def find(self, operation):
        """Returns the value of a layer's, operation's or function's kind, or `None`."""
        if not isinstance(operation, keras.Operation):
            try:
                return self._values.get(operation)
            except TypeError:  # not hashable, so no key
                return None
        name = operation_name(type(operation))
        if name in self._values:
            return self._values[name]
        changed = set()
        for cls in type(operation).__mro__:
            if cls in self._values:
                return None if changed & {*dir(cls)} else self._values[cls]
            changed |= {*vars(cls)} - _HARMLESS
        return None


_ROLES, _WINDOWS = Register(), Register()


def register_kinds(*kinds, role: Role | None = None, windows=None) -> None:
    """Registers the role of some kinds, their windows, or both.

    Args:
        *kinds: as `Register.add` takes them.
        role: what they do in a network. `None` (default): keeps the registered role.
        windows: `POINTWISE`, `WHOLE`, or a function from a layer to its windows along
            height and width, each with `pool`, `stride` and `before(length)`. Receptive
            fields and the deconvnet need it. `None` (default): keeps the registered
            one.
    """
    if role is not None:
        _ROLES.add(kinds, role)
    if windows is not None:
        _WINDOWS.add(kinds, windows)


def role_of(operation) -> Role | None:
    """Returns the role of a layer or operation, or `None` if its kind is unknown."""
    return _ROLES.find(operation)


def has_filters(operation) -> bool:
    """Says whether an operation has filters, or is unknown and has weights."""
    role = role_of(operation)
    if role is None:
        return bool(getattr(operation, "weights", None))
    return role in (Role.CONVOLUTION, Role.SPECIAL_CONVOLUTION, Role.DENSE)


def windows_of(operation) -> tuple | str | None:
    """Returns an operation's windows: two axes, `WHOLE`, or `None` if unknown."""
    windows = _WINDOWS.find(operation)
    return windows(operation) if callable(windows) else windows


def operation_name(kind: type) -> str | None:
    """Names an operation or layer that Keras does not export: "keras.ops.Relu"."""
    words = kind.__module__.split(".")
    if words[:2] == ["keras", "src"] and words[2] in _NOT_EXPORTED:
        return f"keras.{words[2]}.{kind.__name__}"
    return None


_NOT_EXPORTED = ("ops", "activations", "applications")

# What a subclass may define for itself without changing what the layer computes.
_HARMLESS = {
    "__annotations__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__init__",
    "__module__",
    "__qualname__",
    "__static_attributes__",
    "__weakref__",
    "compute_output_shape",
    "compute_output_spec",
    "from_config",
    "get_config",
}


def _of_convolution(layer) -> tuple:
    sides = zip(layer.kernel_size, layer.dilation_rate, layer.strides, strict=True)
    return tuple(
        Axis((size - 1) * rate + 1, stride, layer.padding)
        for size, rate, stride in sides
    )


def _of_pool(layer) -> tuple:
    sides = zip(layer.pool_size, layer.strides, strict=True)
    return tuple(Axis(size, stride, layer.padding) for size, stride in sides)


@dataclasses.dataclass(frozen=True)
class _Centre(Axis):
    """The middle of an axis, `size` pixels long."""

    size: int

    def before(self, length):
        if length < self.size:  # Keras resizes the image instead
            raise UsageError(
                argument="model",
                expected=f"without CenterCrop to {self.size} pixels, for receptive "
                "fields of images that are smaller",
                received=f"{length} pixels",
            )
        return -((length - self.size) // 2)


def _of_centre(layer) -> tuple:
    return tuple(_Centre(1, 1, "valid", side) for side in (layer.height, layer.width))


def _of_normalization(layer) -> tuple | str:
    """Returns windows: of each position alone if the statistics are over channels."""
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    return POINTWISE if {*axes} <= {-1, 3} else WHOLE


def _of_index(operation) -> tuple | None:
    """Returns windows where only channels are chosen: `t[..., ::-1]`, `t[..., 0]`."""
    node = operation._inbound_nodes[0]
    key, rank = node.arguments.args[1], len(node.input_tensors[0].shape)
    key = list(key) if isinstance(key, (tuple, list)) else [key]
    if Ellipsis not in key:
        key.append(Ellipsis)
    at = key.index(Ellipsis)
    key[at : at + 1] = [slice(None)] * (rank + 1 - len(key))
    *others, last = key
    keeps_places = others == [slice(None)] * (rank - 1)
    return POINTWISE if keeps_places and isinstance(last, (slice, int)) else None


def _of_stack(operation) -> tuple | None:
    """Returns windows where maps (batch, height, width) become channels."""
    return POINTWISE if operation.axis in (-1, 3) else None


_POINTWISE_OPERATIONS = """
Add Celu Concatenate Divide Elu Gelu HardSigmoid HardSilu LeakyRelu Maximum
Multiply Negative Relu Relu6 Selu Sigmoid Silu Softplus SparsePlus
Squareplus Subtract Tanh TrueDivide
"""
register_kinds(keras.layers.Conv2D, role=Role.CONVOLUTION, windows=_of_convolution)
register_kinds(
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    role=Role.SPECIAL_CONVOLUTION,
    windows=_of_convolution,
)
register_kinds(keras.layers.Conv2DTranspose, role=Role.SPECIAL_CONVOLUTION)
register_kinds(keras.layers.Dense, role=Role.DENSE, windows=POINTWISE)
register_kinds(
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    role=Role.GLOBAL_POOL,
    windows=WHOLE,
)
register_kinds(
    keras.layers.Flatten, keras.layers.Reshape, role=Role.SILENT, windows=WHOLE
)
register_kinds(
    *SILENT,
    keras.layers.Identity,
    "keras.ops.Identity",
    role=Role.SILENT,
    windows=POINTWISE,
)
register_kinds(keras.layers.CenterCrop, role=Role.SILENT, windows=_of_centre)
register_kinds("keras.ops.GetItem", role=Role.SILENT, windows=_of_index)
register_kinds("keras.ops.Stack", role=Role.SILENT, windows=_of_stack)
register_kinds(keras.layers.Resizing, role=Role.OTHER)
register_kinds(
    keras.layers.ZeroPadding2D,
    role=Role.SILENT,
    windows=lambda layer: tuple(Axis(1, 1, first) for first, _ in layer.padding),
)
register_kinds(
    keras.layers.Cropping2D,
    role=Role.SILENT,
    windows=lambda layer: tuple(Axis(1, 1, -first) for first, _ in layer.cropping),
)
register_kinds(
    MaxPoolWithArgmax,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    role=Role.OTHER,
    windows=_of_pool,
)
register_kinds(
    LocalResponseNormalization,
    keras.layers.Activation,
    keras.layers.Add,
    keras.layers.Average,
    keras.layers.BatchNormalization,
    keras.layers.Concatenate,
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.Maximum,
    keras.layers.Multiply,
    keras.layers.Normalization,
    keras.layers.PReLU,
    keras.layers.ReLU,
    keras.layers.Rescaling,
    keras.layers.Subtract,
    "keras.activations.ReLU",
    "keras.applications.CustomScaleLayer",
    "keras.applications.LayerScale",
    *(f"keras.ops.{name}" for name in _POINTWISE_OPERATIONS.split()),
    role=Role.OTHER,
    windows=POINTWISE,
)
register_kinds(
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
    keras.layers.UnitNormalization,
    role=Role.OTHER,
    windows=_of_normalization,
)
register_kinds(keras.layers.GroupNormalization, role=Role.OTHER, windows=WHOLE)
