"""Any Keras model as calls of layers, and the layers that the paper's stand for."""

import collections
import difflib
import functools
import re
from collections.abc import Iterable, Sequence
from numbers import Integral

import keras

from zfkeras.errors import UsageError
from zfkeras.graph.boxes import Boxes
from zfkeras.graph.calls import LayerCall, calls_between, is_graph, model_of
from zfkeras.graph.endpoints import Endpoint, endpoints
from zfkeras.graph.kinds import MAX_POOLS, Role, has_filters, role_of
from zfkeras.graph.receptive_field import receptive_field

_SHOWN = 8  # names in a message, the likeliest first
_CALL = re.compile(r"@\d+(?=\.|$)")  # which of several calls of a layer


class LayerGraph:
    """The layers of a functional or sequential model, nested models taken apart.

    A layer is given by the paper's number 1 to 7, for networks that `ZFNet` makes, or
    by its name, with the names of the models around it: "resnet50.conv5_block3_out".
    Where a model calls a layer several times, "relu@2" is the second call, in the order
    they run.

    Args:
        model: a built functional or sequential model, or a `Classifier` of one.

    Attributes:
        calls: its inputs and all calls in the order they run.
        outputs: the numbers of its outputs in the calls.

    Raises:
        UsageError: a model of another kind.
    """

    def __init__(self, model: keras.Model):
        model = model_of(model)
        if not is_graph(model):
            raise UsageError(
                argument="model",
                expected="a built functional or sequential Keras model",
                received=type(model).__name__,
            )
        self.model = model
        self.calls, self.outputs = calls_between(model.inputs, model.outputs)
        self._by_path = {call.path: call for call in self.calls}

    @functools.cached_property
    def endpoints(self) -> dict[int, Endpoint]:
        """The paper's layers that it has; empty for other networks."""
        try:
            return endpoints(self.model)
        except UsageError:
            return {}

    @property
    def convolutions(self) -> dict[str, keras.Layer]:
        """Path -> layer of each convolution over all channels, in order.

        Those of single places are left out, unless there are no others: the layers of
        squeeze-and-excitation.
        """
        calls = [c for c in self.calls if role_of(c.operation) is Role.CONVOLUTION]
        return {call.path: call.operation for call in _of_many_places(calls)}

    def call(self, layer: int | str) -> LayerCall:
        """Finds the call that a layer's number or name means."""
        check_layer(layer)
        path = self._numbered(layer) if isinstance(layer, Integral) else layer
        if path not in self._by_path:
            paths = [*self._by_path]
            near = [known for known in paths if _CALL.sub("", known) == path]
            near += [known for known in paths if known.endswith(f".{path}")]
            near += difflib.get_close_matches(path, paths, n=5, cutoff=0.3)
            raise _refusal(
                "a layer of the model, nested ones with dots, one of several calls of "
                f"a layer as NAME@1, such as {_shown([*near, *paths])}",
                layer,
            )
        return self._by_path[path]

    def path(self, layer: int | str) -> str:
        """Returns a layer's name, behind those of the models around it."""
        return self.call(layer).path

    def heading(self, layer: int | str) -> str:
        """Names a layer in pictures: "layer 5 (pool5)", or its name alone."""
        path = self.path(layer)
        return f"layer {layer} ({path})" if isinstance(layer, Integral) else path

    def tensor(self, layer: int | str) -> keras.KerasTensor:
        """Returns the output of a layer, which the model may output itself."""
        return self.tensors([layer])[layer]

    def tensors(self, layers: Iterable[int | str]) -> dict:
        """Returns the outputs of some layers; of a pool the maps, without the argmax.

        Layers inside one nested model come out of one call of it.

        Raises:
            UsageError: no such layer, or one whose output is neither (batch, height,
                width, channels) nor (batch, units).
        """
        calls = {layer: self.call(layer) for layer in layers}
        groups = collections.defaultdict(dict)
        for layer, call in calls.items():
            shape = call.tensor.shape
            if len(shape) not in (2, 4) or shape[-1] is None:
                raise _refusal(
                    "a layer with the output (batch, height, width, channels) or "
                    "(batch, units)",
                    f"{layer} of shape {shape}",
                )
            around = tuple(id(node) for _, node in call.around)
            groups[around][layer] = call
        found = {}
        for group in groups.values():
            found |= zip(group, _seen_from_outside([*group.values()]), strict=True)
        return {layer: found[layer] for layer in calls}

    def field(self, layer: int | str | keras.KerasTensor) -> Boxes:
        """Computes the receptive field of a layer or tensor; see `receptive_field`."""
        is_tensor = isinstance(layer, keras.KerasTensor)
        tensor = layer if is_tensor else self.tensor(layer)
        return receptive_field(self.model, tensor)

    def below(self, layer: int | str) -> list:
        """Lists the operations that a layer depends on, in order, each once."""
        part = LayerGraph(keras.Model(self.model.inputs, self.tensor(layer)))
        return [*dict.fromkeys(call.operation for call in part.calls)]

    def pools_maxima(self, layer: int | str) -> bool:
        """Returns whether a layer depends on a max pool, whose switches are images'."""
        return any(isinstance(one, MAX_POOLS) for one in self.below(layer))

    def lowest_first(self, layers: Sequence[int | str]) -> list[int | str]:
        """Sorts layers in the order they run."""
        return sorted(layers, key=lambda layer: self.calls.index(self.call(layer)))

    def stand_in(self, number: int) -> int | str:
        """Finds the layer that stands for the paper's layer 1, 5 or 7 in any network.

        In other networks 1 is the first convolution, 5 the last maps, 7 the last vector
        before the answer.
        """
        if number in self.endpoints:
            return number
        running = [call for call in self.calls if call.runs]
        maps = [
            call
            for call in running
            if len(call.tensor.shape) == 4 and not _is_silent(call)
        ]
        maps = [call.path for call in _of_many_places(maps)]
        hidden = [call for stage in self.stages[:-1] for call in stage]
        vectors = [call.path for call in hidden if len(call.tensor.shape) == 2]
        # Without a hidden dense layer or pool it is what the answer is made of.
        flat = [call.path for call in running[:-1] if len(call.tensor.shape) == 2]
        filters = [path for path in maps if path in self.convolutions]
        found = {
            1: filters[:1] or maps[:1],
            5: maps[-1:],
            7: vectors[-1:] or flat[:1],
        }[number]
        if not found:
            raise _refusal(
                f"named, such as {_shown(reversed(self._by_path))}; nothing in the "
                "model is like the paper's",
                number,
            )
        return found[0]

    def usual_layers(self, most: int = 5) -> list[int | str]:
        """Lists the paper's layers 1 to `most`, or the last maps of as many stages."""
        if self.endpoints:
            return [number for number in self.endpoints if number <= most]
        ends = []
        for stage in self.stages:
            maps = [c for c in stage if max(c.tensor.shape[1:-1], default=1) > 1]
            ends += [call.path for call in maps[-1:]]
        return ends[-most:] or [*dict.fromkeys(map(self.stand_in, (1, 5)))]

    @functools.cached_property
    def stages(self) -> list[list[LayerCall]]:
        """The calls of each stage, lowest first.

        Convolutions whose maps are of one size are a stage, with the pools, sums and
        other layers behind them; a global pool and each dense layer are stages of their
        own. Only calls count that nothing goes past, so that a stage ends with its pool
        in VGG, with its last sum in a residual network. What comes before the first
        convolution is none.
        """
        found, size = [], None
        for call, has_learnt in self._passages():
            here = call.tensor.shape[1:-1]
            is_new = has_learnt and (here != size or not here)
            if is_new or role_of(call.operation) is Role.GLOBAL_POOL:
                found.append([])
                size = here
            if found:
                found[-1].append(call)
        return found

    def _passages(self):
        """Yields calls that all passes through, and whether there are filters.

        The filters are of the call, or of one since the passage before.
        """
        calls = [call for call in self.calls if call.runs]
        uses = collections.Counter(number for call in calls for number in call.inputs)
        uses.update(self.outputs)
        awaited = {*range(len(self.model.inputs))}
        has_learnt = False
        for call in calls:
            uses.subtract(call.inputs)
            awaited = {number for number in awaited if uses[number]}
            is_passage = not awaited  # nothing else is still to be read
            awaited |= {number for number in call.outputs if uses[number]}
            has_learnt = has_learnt or has_filters(call.operation)
            shape = call.tensor.shape
            is_vector_or_maps = len(shape) in (2, 4) and None not in shape[1:]
            is_end = is_vector_or_maps and not _is_silent(call)
            if is_passage and is_end:
                yield call, has_learnt
                has_learnt = False

    def _numbered(self, number) -> str:
        """Returns the name of one of the paper's layers."""
        if number in self.endpoints:
            return self.endpoints[number].layer_name
        if self.endpoints:
            raise _refusal(f"one of {[*self.endpoints]} or a layer's name", number)
        names = _shown([stage[-1].path for stage in self.stages] or self._by_path)
        raise _refusal(
            "a layer's name, because this network does not have the paper's layers 1 "
            f"to 7; such as {names}",
            number,
        )


def check_layer(layer: object) -> None:
    """Raises `UsageError` for what is neither a layer's number nor its name."""
    if not isinstance(layer, Integral | str):
        raise _refusal("the paper's number, 1 to 7, or a layer's name", repr(layer))


def _shown(paths) -> str:
    """Joins the first names for a message, each once."""
    return ", ".join([*dict.fromkeys(paths)][:_SHOWN])


def _of_many_places(calls) -> list[LayerCall]:
    """Returns the calls whose maps have more than one place; without any, all."""
    many = [call for call in calls if {*call.tensor.shape[1:-1]} != {1}]
    return many or [*calls]


def _is_silent(call) -> bool:
    return role_of(call.operation) is Role.SILENT


def _refusal(expected, received) -> UsageError:
    return UsageError(argument="layer", expected=expected, received=received)


def _seen_from_outside(calls) -> list[keras.KerasTensor]:
    """Returns tensors of calls as tensors of the outermost model."""
    tensors = [call.tensor for call in calls]
    for nested, node in reversed(calls[0].around):
        found = keras.Model(nested.inputs, tensors)(node.input_tensors)
        tensors = found if isinstance(found, (list, tuple)) else [found]
    return tensors
