"""TensorFlow's start, without its greetings, which no setting turns off.

It chooses no devices and sets nothing that a result depends on.
"""

import os
import sys
import tempfile
from pathlib import Path


def import_tensorflow_quietly() -> None:
    """Imports TensorFlow; what it prints is shown only if that fails.

    Its errors stay visible later on where there is a GPU they may be about.
    """
    has_gpu = any(Path("/dev").glob("nvidia*"))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if has_gpu else "3")
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except BaseException:
            said.seek(0)
            os.write(terminal, said.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
