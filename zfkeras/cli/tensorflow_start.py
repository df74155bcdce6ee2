"""TensorFlow's start: quick, without greetings, with oneDNN's kernels on every CPU.

It chooses no devices. Which kernels compute changes results by their rounding alone.
"""

import contextlib
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_OUR_PROGRAMS = ("zfkeras", "visualize", "transfer")
# Keras imports them where they are installed, for wrappers of scikit-learn, galleries
# and notebooks, which no command needs. They take as long to import as TensorFlow.
_LEFT_OUT = ("IPython", "matplotlib", "scipy", "sklearn")


def num_cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def num_threads() -> int:
    """Returns how many threads share an operation of TensorFlow; results depend on it.

    By a rounding only: sums are added up in other parts.
    """
    import tensorflow as tf

    by_hand = tf.config.threading.get_intra_op_parallelism_threads()
    return by_hand or int(os.environ.get("TF_NUM_INTRAOP_THREADS", 0)) or num_cores()


def import_tensorflow_quietly() -> None:
    """Imports TensorFlow; what it prints is shown only if that fails.

    Its errors stay visible later on where there is a GPU they may be about.
    """
    has_gpu = any(Path("/dev").glob("nvidia*"))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if has_gpu else "3")
    # TensorFlow leaves them off where a CPU has no AVX-512, or the like of it, but they
    # make training 1.5 times as fast there, too (docs/performance.md).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as said, _no_garbage_collection(), _left_out():
        os.dup2(said.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except KeyboardInterrupt:
            raise
        except BaseException:
            said.seek(0)
            os.write(terminal, said.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keeps the collector from searching what an import makes, then and later."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()


@contextlib.contextmanager
def _left_out() -> Iterator[None]:
    """Makes imports of some packages fail for a while, if our command is the program.

    In a program of the user's, Keras finds them: that may use what needs them.
    """
    main = sys.modules["__main__"].__spec__
    program = main.name if main else Path(sys.argv[0]).name
    is_ours = program.partition(".")[0] in _OUR_PROGRAMS
    names = [name for name in _LEFT_OUT if is_ours and name not in sys.modules]
    # `import` raises ModuleNotFoundError for a module that is None.
    sys.modules.update(dict.fromkeys(names))
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
