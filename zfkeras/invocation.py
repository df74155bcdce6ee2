"""The command of this process, for what it writes and for those who wait for it.

It imports nothing of the project, so that everything may import it.
"""

import os
import shlex
import sys


def command_line(leave_out: str | None = None) -> str:
    """The command of this process, as one would type it again.

    Args:
        leave_out: a flag to leave out, such as "--overwrite", also where it is
            abbreviated. `None` (default): none.
    """
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    name = f"python -m {spec.name}" if spec else os.path.basename(sys.argv[0])
    words = [word for word in sys.argv[1:] if not _abbreviates(word, leave_out)]
    return f"{name} {shlex.join(words)}".strip()


def _abbreviates(word: str, flag: str | None) -> bool:
    """Whether argparse takes a word for a flag."""
    return flag is not None and len(word) > 2 and flag.startswith(word)
