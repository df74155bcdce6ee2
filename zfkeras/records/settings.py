"""The settings of a command: one dataclass gives its flags, its help and its record."""

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

Settings = TypeVar("Settings")
_OPTIONS = "argparse"


def setting(
    default: Any = dataclasses.MISSING,
    *,
    help: str,
    flag: str | None = None,
    **options: Any,
) -> Any:
    """Makes a field of a settings dataclass that is also a flag of a command.

    Args:
        default: the value without the flag. Without it the flag is required. `False`
            makes a flag that takes no value and means `True`.
        help: the text of `--help`, with units.
        flag: the flag, such as "--model", or a name without dashes for a positional
            argument. `None` (default) makes it of the field's name: `max_images` is
            `--max-images`.
        **options: what `argparse.ArgumentParser.add_argument` takes: type, metavar,
            choices (or a function that returns them), nargs, action.

    Returns:
        The dataclass field.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Settings:
        ...     count: int = setting(3, type=int, metavar="N", help="images to draw")
    """
    metadata = {_OPTIONS: {"flag": flag, "help": help, **options}}
    return dataclasses.field(default=default, metadata=metadata)


def add_settings(parser: argparse.ArgumentParser, kind: type) -> None:
    """Adds a flag for each field that `setting` made."""
    for field in dataclasses.fields(kind):
        if _OPTIONS in field.metadata:
            add_setting(parser, field.name, field)


def add_setting(parser: argparse.ArgumentParser, name: str, field: Any) -> None:
    """Adds the flag of one field under a name."""
    options = {**field.metadata[_OPTIONS]}
    if field.default is False:
        options["action"] = "store_true"
    if callable(options.get("choices")):  # a register, which users add to
        options["choices"] = options["choices"]()
    flag = options.pop("flag") or f"--{name.replace('_', '-')}"
    is_required = field.default is dataclasses.MISSING
    if flag.startswith("-"):
        options["dest"] = name
        default = field.default
        if isinstance(default, tuple):  # argparse appends to lists alone
            default = _Shown(default) if default else []
        options |= {"required": True} if is_required else {"default": default}
    parser.add_argument(flag, **options)


class _Shown(list):
    """A list that --help shows as users write it."""

    def __str__(self):
        return ",".join(map(str, self))


def read_settings(kind: type[Settings], args: argparse.Namespace) -> Settings:
    """Makes the settings of what argparse has read; lists become tuples."""
    values = {
        field.name: getattr(args, field.name)
        for field in dataclasses.fields(kind)
        if hasattr(args, field.name)
    }
    return kind(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
    )


def settings_to_json(settings: Any) -> dict[str, Any]:
    """Returns the settings as JSON values; paths become strings."""
    return {
        field.name: _to_json(getattr(settings, field.name))
        for field in dataclasses.fields(settings)
    }


def _to_json(value):
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [_to_json(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _to_json(one) for key, one in value.items()}
    return value
