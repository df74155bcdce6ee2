"""`python -m tests.helpers.curve FILE ...`: zfkeras.train that keeps each step's loss.

The losses go to FILE as JSON: {step: loss}. With --nudge behind FILE, the first weights
are off by half a unit in the last place, which tells what rounding comes to.
"""

import json
import sys
from pathlib import Path

import numpy as np

from zfkeras import train
from zfkeras.training import run as experiment
from zfkeras.training.loop import Loop


def main(file, *arguments):
    """Trains and writes the curve, also of a run that fails."""
    if arguments[:1] == ("--nudge",):
        arguments = arguments[1:]
        _nudge_first_weights()
    losses = {}
    account = Loop._account

    def noting(self, pending, bar):
        for step, loss, *_ in pending:
            losses[step] = float(loss)
        account(self, pending, bar)

    Loop._account = noting
    try:
        return train.main(arguments)
    finally:
        Path(file).write_text(json.dumps(losses))


def _nudge_first_weights():
    build = experiment.build_network
    half = float(np.finfo(np.float32).eps) / 2

    def nudged(*args, **settings):
        network = build(*args, **settings)
        random = np.random.default_rng(0)
        for weight in network.model.trainable_variables:
            value = np.asarray(weight, np.float64)
            off = random.choice([-half, half], value.shape)
            weight.assign((value * (1 + off)).astype(np.float32))
        return network

    experiment.build_network = nudged


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
