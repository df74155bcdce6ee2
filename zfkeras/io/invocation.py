"""The command line of this process."""

import os
import shlex
import sys


def program(module: str) -> str:
    """Returns how this process calls a module: `zfkeras NAME` or `python -m MODULE`."""
    name = module.rpartition(".")[2]
    if os.path.basename(sys.argv[0]) == "zfkeras":
        return "zfkeras" if name == "zfkeras" else f"zfkeras {name}"
    return f"python -m {module}"


def command_line(leave_out: str | None = None) -> str:
    """Returns the command of this process for a shell, without the flag `leave_out`."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    name = os.path.basename(sys.argv[0])
    if spec:
        name = f"python -m {spec.name.removesuffix('.__main__')}"
    words = [word for word in sys.argv[1:] if not _abbreviates(word, leave_out)]
    return f"{name} {shlex.join(words)}".strip()


def _abbreviates(word: str, flag: str | None) -> bool:
    """Returns whether argparse takes a word for a flag."""
    return flag is not None and len(word) > 2 and flag.startswith(word)
