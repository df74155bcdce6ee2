"""Which rule serves which kind of layer."""

import dataclasses
import inspect
from collections.abc import Callable, Collection

from visualize.deconvnet.rule_sets import GENERALISED, PAPER, RULE_SETS
from visualize.deconvnet.rules.rule import Call, Rule
from zfkeras.errors import UsageError
from zfkeras.graph.kinds import Register, register_kinds

_RULES = {name: Register() for name in RULE_SETS}
_SWITCH = (
    "The generalised rules (rules='generalised', --rules generalised) go through it; "
)


def register_rule(*kinds, windows=None, rules: Collection[str] = RULE_SETS) -> Callable:
    """Makes a rule serve some kinds of layer; use it as a class decorator.

    A rule serves its layer class, and subclasses that change nothing but how they are
    made. The last rule registered for a kind counts. Register it before
    the `Deconvnet` is made.

    Args:
        *kinds: layer classes, activation functions, or for Keras operations, whose
            classes are not public, names as the error message writes them:
            "keras.ops.Relu".
        windows: which inputs each position of the output depends on, for receptive
            fields: `visualize.deconvnet.rules.POINTWISE` for the same position alone,
            or a function from the layer to its windows along height and width, each
            with `pool`, `stride` and `before(length)`. `None` (default): unknown,
            unless the kind is one of Keras's; the deconvnet then computes whole maps.
        rules: the sets of rules that it belongs to, as `Deconvnet` names them. Default:
            both. A rule that goes beyond Zeiler & Fergus belongs to ("generalised",)
            alone.

    Raises:
        UsageError: a kind that is none of these, a set that does not exist, or a rule
            that is no `Rule` class.

    Example:
        >>> @register_rule(keras.layers.GaussianNoise)
        ... class Noise(Rule):
        ...     def backward(self, call, signal, memory):
        ...         return signal  # silent in inference
    """
    if not kinds or not all(isinstance(k, str) or callable(k) for k in kinds):
        raise UsageError(
            argument="kinds",
            expected="layer classes, activation functions or names of Keras operations",
            received=repr(kinds),
        )
    if isinstance(rules, str) or not {*rules} <= {*RULE_SETS} or not rules:
        raise UsageError(
            argument="rules", expected=f"some of {RULE_SETS}", received=repr(rules)
        )

    def register(rule):
        if not (isinstance(rule, type) and issubclass(rule, Rule)):
            raise UsageError(
                argument="register_rule's class",
                expected="a subclass of visualize.Rule",
                received=repr(rule),
            )
        for name in rules:
            _RULES[name].add(kinds, rule())
        register_kinds(*kinds, windows=windows)
        return rule

    return register


def find_rule(operation, rules: str = PAPER) -> Rule | None:
    """Returns the rule of a layer, operation or activation function, or `None`."""
    return _RULES[rules].find(operation)


def require_rule(call: Call) -> Rule:
    """Returns the rule of a call after its checks, or raises `UsageError`."""
    try:
        return _checked_rule(call)
    except UsageError as err:
        options = dataclasses.replace(call.options, rules=GENERALISED)
        if call.options.rules == GENERALISED or not _has_rule(call, options):
            raise
        raise call.refuse(err.expected, _SWITCH) from err


def _has_rule(call, options) -> bool:
    try:
        _checked_rule(dataclasses.replace(call, options=options))
    except UsageError:
        return False
    return True


def _checked_rule(call) -> Rule:
    rule = find_rule(call.operation, call.options.rules)
    if rule is None:
        raise call.refuse("be of a class that has a rule")
    if getattr(call.operation, "data_format", None) == "channels_first":
        raise call.refuse("have its channels last")
    if getattr(call.operation, "quantization_mode", None) is not None:
        raise call.refuse("not be quantised")
    if call.arguments[1].get("training") and not _trains_by_default(call.operation):
        raise call.refuse("not be called with training=True")
    rule.check(call)
    return rule


def _trains_by_default(layer) -> bool:
    """Says whether training=True is the layer's default, so nobody asked for it."""
    asked = inspect.signature(type(layer).call).parameters.get("training")
    return asked is not None and asked.default is True
