"""The command `zfkeras`: lists the commands of the three packages and runs them.

They are entry points of the group `zfkeras.commands`; other packages may add theirs.
"""

import importlib
import re
import sys
from importlib import metadata, util
from pathlib import Path

from zfkeras.cli import arguments, command
from zfkeras.errors import UsageError

GROUP = "zfkeras.commands"
_TITLES = {
    "zfkeras": "train and use a network",
    "visualize": "look inside it",
    "transfer": "use its features for other images",
}


def commands() -> dict[str, metadata.EntryPoint]:
    """Returns the commands by name, as the installed packages declare them."""
    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def load_command(point: metadata.EntryPoint):
    """Imports the module of a command, which has `build_parser` and `main`.

    Raises UsageError, which names the file, if another program's module has its name.
    """
    package = point.module.partition(".")[0]
    if package in _TITLES:
        _check_is_ours(package)
    try:
        return importlib.import_module(point.module)
    except ModuleNotFoundError as err:
        if err.name != point.module:
            raise
        raise UsageError(
            f"{point.module} is missing: another distribution may have replaced the "
            f"folder {package}; install zfkeras in an environment of its own."
        ) from err


def _check_is_ours(package: str) -> None:
    """Refuses a file or folder that has the name of one of our packages."""
    folder = Path(__file__).parent.parent / package
    spec = util.find_spec(package)
    found = Path(spec.origin or next(iter(spec.submodule_search_locations)))
    if found != folder / "__init__.py":
        raise UsageError(
            f"{found} has the name of our package {package} and comes before it: run "
            "the command in another folder, or use the installed command zfkeras."
        )


def overview() -> str:
    """Lists the commands, a line for each, by package."""
    found = commands()
    if not found:
        return "zfkeras is not installed: pip install -e '.[all]' lists the commands.\n"
    groups = {}
    for name, point in found.items():
        groups.setdefault(point.module.partition(".")[0], {})[name] = point
    width = max(map(len, found))
    lines = ["ZFNet in Keras: zfkeras COMMAND --help explains a command."]
    for package in sorted(groups, key=[*_TITLES, *groups].index):
        lines += ["", f"{_TITLES.get(package, package)} (python -m {package}.COMMAND):"]
        for name, point in groups[package].items():
            description = load_command(point).build_parser().description
            summary = re.split(r"\.(?:\s+(?=[A-Z])|$)", description)[0]
            lines.append(f"  zfkeras {name:<{width}}  {summary}")
    return "\n".join(lines) + "\n"


def build_parser():
    """Makes the parser for what is no command: --help, or a wrong name."""
    parser = arguments.make_parser("zfkeras", "List the commands.")
    parser.format_help = overview
    return parser


def main(argv=None) -> int:
    """Runs a command, or prints the list, as --help does; returns the exit code."""
    words = sys.argv[1:] if argv is None else [*argv]
    point = commands().get(words[0]) if words else None
    try:
        if point is None:
            return command.run(build_parser(), None, words or ["--help"])
        module = load_command(point)
    except UsageError as err:
        return command.say(build_parser(), err, command.BAD_USAGE)
    return module.main(words[1:])


if __name__ == "__main__":
    sys.exit(main())
