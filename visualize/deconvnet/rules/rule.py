"""What a rule is: how a signal goes down through one kind of layer."""

import dataclasses

import keras

from visualize.deconvnet.rule_sets import PAPER
from zfkeras.errors import UsageError
from zfkeras.graph.kinds import POINTWISE, WHOLE, operation_name, windows_of


@dataclasses.dataclass(frozen=True)
class Options:
    """What is asked of the way down.

    Args:
        method: what a ReLU does to the signal: "deconvnet", "guided" or "gradient".
        lrn: what local response normalisation does to it: "identity" or "gradient".
        rules: which set of rules: "paper" or "generalised".
    """

    method: str
    lrn: str
    rules: str = PAPER


@dataclasses.dataclass(frozen=True)
class Slot:
    """Stands for the n-th input tensor in the arguments of a call."""

    number: int


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a layer, as a rule sees it.

    Args:
        operation: the layer, the Keras operation, or the activation function.
        path: its name with those of the models around it: "resnet50.conv1_conv".
        arguments: (positional, by name) with a `Slot` for each input tensor.
        options: what is asked of the way down.
        input_shapes: of each input, without the batch axis: whole numbers where they
            are known, else scalar tensors (in `check`, `None`).
        sources: the call that made each input, `None` for the image.
        used_outputs: for each output, whether anything reads it.
        windowed: the tensors are cut-out windows of the maps, padding included: a layer
            must not pad again.
    """

    operation: object
    path: str
    arguments: tuple
    options: Options
    input_shapes: tuple = ()
    sources: tuple = ()
    used_outputs: tuple = (True,)
    windowed: bool = False

    @property
    def layer(self):
        """The same as `operation`."""
        return self.operation

    @property
    def input_shape(self):
        """Shape of the first input, without the batch axis."""
        return self.input_shapes[0]

    @property
    def padding(self):
        """The layer's "valid" or "same"; inside windows always "valid"."""
        return "valid" if self.windowed else self.layer.padding

    def run(self, *inputs):
        """Calls the layer on other inputs, in inference mode."""
        args, kwargs = keras.tree.map_structure(
            lambda leaf: inputs[leaf.number] if isinstance(leaf, Slot) else leaf,
            self.arguments,
        )
        if "training" in kwargs:  # true by default in RandomFlip and its like
            kwargs["training"] = False
        # At a graph's root TensorFlow refuses names that begin with "_", as PyTorch's.
        with keras.name_scope("layer"):
            return self.operation(*args, **kwargs)

    def refuse(self, requirement, remedy=""):
        """Returns a `UsageError` that says what this layer must be or do."""
        kind = kind_name(self.operation)
        return UsageError(
            f"layer {self.path!r} must {requirement}. Received: {kind}. {remedy}"
            "visualize.register_rule gives it a rule of your own.",
            argument=self.path,
            received=kind,
            expected=requirement,
        )


class Rule:
    """How a signal goes down through one kind of layer.

    A rule keeps no state: what the forward pass must remember goes through `memory`.

    Example:
        >>> @register_rule(ScaleLayer)  # doctest: +SKIP
        ... class Scale(Rule):
        ...     def backward(self, call, signal, memory):
        ...         return signal * call.layer.factor
    """

    #: The layer has an `activation`, which the deconvnet runs as a layer of its own;
    #: `forward` leaves it out.
    has_activation = False

    #: Each number of the output depends on the same number of the input alone.
    is_elementwise = False

    #: `forward` takes much longer than `outputs`. Where a unit is still to be found,
    #: `outputs` runs first, and `forward` afterwards inside the unit's window.
    remembers_late = False

    #: What stands outside the maps, as the layer sees it.
    outside = 0.0

    def check(self, call: Call) -> None:
        """Refuses with a `UsageError` what the rule cannot do exactly.

        Args:
            call: of the layer; its input shapes are the model's, `None` where unknown.
        """

    def carries(self, call: Call) -> tuple[bool, ...]:
        """Says for each input whether the signal goes down to it; the default: to all.

        Layers that only other inputs depend on, such as those of a gate, need no rule.

        Args:
            call: of the layer; its input shapes are the model's, `None` where unknown.
        """
        return (True,) * len(call.input_shapes)

    def axes(self, call: Call):
        """Returns the windows of its inputs that the layer's outputs depend on.

        Where a single position is projected, only what lies inside these windows is
        computed. The rule then gets calls with `windowed` set, and its memory must be
        a map of the output's size, or `None`.

        Args:
            call: of the layer; its input shapes are the model's, all known.

        Returns:
            The windows along height and width, each with `pool`, `stride` and
            `before(length)` as `zfkeras.layers.switches.Axis` has them; `POINTWISE`
            for a layer that works on each position alone; `None` for the whole map.
            Default: `POINTWISE` where the rule is elementwise, else what the register
            of `zfkeras.graph.kinds` has for the layer.
        """
        if self.is_elementwise:
            return POINTWISE
        windows = windows_of(call.operation)
        return None if windows == WHOLE else windows

    def forward(self, call: Call, *inputs):
        """Runs the layer; the default remembers nothing.

        Args:
            call: of the layer.
            *inputs: its input tensors (n_images, ...).

        Returns:
            First the output tensor, or a tuple of them. Second what `backward` needs of
            these images, a tensor (n_images, ...), a tuple of such tensors, or `None`.
        """
        return call.run(*inputs), None

    def outputs(self, call: Call, *inputs):
        """Runs the layer and remembers nothing.

        Args:
            call: of the layer.
            *inputs: as in `forward`.

        Returns:
            What `forward` returns first.
        """
        return self.forward(call, *inputs)[0]

    def can_narrow(self, call: Call, each: bool) -> bool:
        """Says whether `forward_channels` serves a call; the default says no.

        Args:
            call: of the layer.
            each: whether each image has a channel of its own.
        """
        return False

    def forward_channels(self, call: Call, channels, *inputs):
        """Computes some output channels without the others.

        Args:
            call: of the layer.
            channels: int tensor (n,), channels of all images; or (n_images, 1), the
                channel of each.
            *inputs: as in `forward`.

        Returns:
            What `forward` returns, of these channels.
        """
        raise NotImplementedError

    def backward(self, call: Call, signal, memory):
        """Takes a signal one layer down.

        Args:
            call: of the layer.
            signal: float tensor (n_pairs, ...) in the shape of the output; for a layer
                of several outputs a tuple, with `None` where no signal came.
            memory: as `forward` gave it, with a row for each pair.

        Returns:
            The signal in the shape of the input; for several inputs a tuple, with
            `None` for those that `carries` excludes.
        """
        raise NotImplementedError


def kind_name(operation) -> str:
    """Names a kind of layer, operation or function in messages."""
    if isinstance(operation, keras.Operation):
        cls = type(operation)
        return operation_name(cls) or cls.__name__
    return getattr(operation, "__name__", repr(operation))
