"""Layers worth a head in a network whose layers are not the paper's."""

import math

import keras

from zfkeras.graph.stages import stages

#: Features beyond which a layer is not offered; ZFNet's first has 290,400.
MAX_FEATURES = 300_000
#: How many are offered, as many as the paper's layers.
MAX_STAGES = 7


def stage_ends(model: keras.Model) -> list[str]:
    """The last layer of each of a network's `stages`, lowest first.

    In VGG that is a block's pool, in a residual network a stage's last sum; then the
    global pool, and each dense layer. The stage of the answer is none.
    """
    found = stages(model)
    if found:  # the answer's
        found[-1] = [end for end in found[-1] if len(end[1]) == 4]
    ends = [stage[-1] for stage in found if stage]
    small = [name for name, shape in ends if math.prod(shape[1:]) <= MAX_FEATURES]
    return small[-MAX_STAGES:]
