"""A chain of operations in blocks with our numbers: conv1 to conv5, fc6, fc7, classes.

It looks at order and names; whether shapes fit is seen when the model is built.
"""

import dataclasses
import re
from collections.abc import Iterable

from zfkeras.conversion import network as foreign
from zfkeras.errors import UsageError

_CONVOLUTIONS, _DENSE = (1, 2, 3, 4, 5), (6, 7)
_FORM = (
    "a ZFNet-like chain is up to five convolutions, each with ReLU and at most one max "
    "pool and one LRN, then up to two hidden dense layers with ReLU, then the classes"
)


@dataclasses.dataclass
class Block:
    """A convolution or dense layer, the operations behind it, and its number."""

    main: foreign.Convolution | foreign.Dense
    follow: list
    number: int | None = None


def arranged(
    operations: Iterable,
) -> tuple[list[Block], list[Block], Block]:
    """Groups operations into convolutions, hidden dense layers and the last layer."""
    blocks, dense, flattened, ended = [], [], None, None
    for operation in operations:
        if ended is not None:
            raise _refusal(operation, f"stands behind the softmax, {ended.where}")
        match operation:
            case foreign.Convolution() if flattened is None:
                blocks.append(Block(operation, []))
            case foreign.Flatten() if blocks and flattened is None:
                flattened = operation
            case foreign.Dense() if flattened is not None:
                dense.append(Block(operation, []))
            case foreign.Softmax() if dense:
                ended = operation
            case foreign.Dropout() if not dense:
                pass  # of maps or of the flattened maps: nothing in use
            case (
                foreign.Relu() | foreign.Dropout() | foreign.Norm() | foreign.MaxPool()
            ):
                found = dense or ([] if flattened else blocks)
                if not found:
                    raise _refusal(operation, "does not follow a layer")
                found[-1].follow.append(operation)
            case _:
                raise _refusal(operation, "is out of place")
    if not blocks or not dense:
        raise UsageError(f"the network has no convolution or no dense layer; {_FORM}.")
    _check_follow(blocks, (foreign.Norm, foreign.MaxPool))
    *hidden, last = dense
    _check_follow(hidden, (foreign.Dropout,))
    if last.follow:
        raise _refusal(last.follow[0], "follows the classes")
    _number(blocks, "conv", _CONVOLUTIONS)
    _number(hidden, "fc", _DENSE)
    return blocks, hidden, last


def _check_follow(blocks, kinds) -> None:
    """Checks for a ReLU, which is removed, then each of `kinds` at most once."""
    for block in blocks:
        if not block.follow or not isinstance(block.follow[0], foreign.Relu):
            raise _refusal(block.main, "is not followed by a ReLU")
        block.follow.pop(0)
        for kind in kinds:
            same = [one for one in block.follow if isinstance(one, kind)]
            if len(same) > 1:
                raise _refusal(same[1], f"is a second one behind {block.main.where}")
        for other in block.follow:
            if not isinstance(other, kinds):
                raise _refusal(other, f"is out of place behind {block.main.where}")


def _number(blocks, word, allowed) -> None:
    """Numbers the layers: as their names in the file do if that fits, else in order."""
    if len(blocks) > len(allowed):
        raise _refusal(blocks[len(allowed)].main, "is one too many")
    found = [re.search(rf"{word}_?(\d)(?!\d)", block.main.where) for block in blocks]
    named = [int(match[1]) for match in found if match]
    usable = len(named) == len(blocks) and named == sorted({*named} & {*allowed})
    for block, number in zip(blocks, named if usable else allowed, strict=False):
        block.number = number


def _refusal(operation, what) -> UsageError:
    return UsageError(f"{operation.where} {what}; {_FORM}.")
