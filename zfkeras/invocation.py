"""The command of this process, for what it writes and for those who wait for it.

It imports nothing of the project, so that everything may import it.
"""

import os
import shlex
import sys


def command_line() -> str:
    """The command of this process, as one would type it again."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    name = f"python -m {spec.name}" if spec else os.path.basename(sys.argv[0])
    return f"{name} {shlex.join(sys.argv[1:])}".strip()
