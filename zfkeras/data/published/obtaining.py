"""Data for commands that were given none: found, or downloaded if the user wishes."""

import sys
from collections.abc import Sequence

from zfkeras.data.published.downloading import download
from zfkeras.data.published.finding import download_folder, not_found, search
from zfkeras.data.published.sets import DATA_SETS, in_megabytes


def obtain_data(spec: str | None, names: Sequence[str], *, download: bool) -> str:
    """Returns the spec of a command's data."""
    if spec is not None and spec not in DATA_SETS:
        return spec
    (found,) = obtain_every([names if spec is None else [spec]], download=download)
    return found


def obtain_every(groups: Sequence[Sequence[str]], *, download: bool) -> list[str]:
    """Returns the specs of several data sets, as many as there are."""
    found = [search(names) for names in groups]
    missing = [
        names[0] for names, spec in zip(groups, found, strict=True) if spec is None
    ]
    if missing and (download or (not any(found) and _is_wanted(missing))):
        for name in missing:
            _download(name)
        found = [search(names) for names in groups]
    if not any(found):
        raise not_found([name for names in groups for name in names])
    return [spec for spec in found if spec is not None]


def _download(name: str) -> None:
    download(DATA_SETS[name], download_folder())


def _is_wanted(names: Sequence[str]) -> bool:
    """Asks the user; no terminal, no question."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    size = in_megabytes(sum(DATA_SETS[name].size for name in names))
    print(
        f"Download {', '.join(names)} ({size}) to {download_folder()}? [y/N] ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    return sys.stdin.readline().strip().lower() in ("y", "yes")
