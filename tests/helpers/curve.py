"""`python -m tests.helpers.curve FILE ...`: zfkeras.train that keeps each step's loss.

The losses go to FILE as JSON: {step: loss}.
"""

import json
import sys
from pathlib import Path

from zfkeras import train
from zfkeras.training.loop import Loop


def main(file, *arguments):
    """Trains and writes the curve, also of a run that fails."""
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


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
