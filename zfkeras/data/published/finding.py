"""Finds published data sets on this machine. It never opens a connection."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from zfkeras.data.published.sets import DATA_SETS, Published, in_megabytes
from zfkeras.errors import UsageError

logger = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Returns $XDG_CACHE_HOME/zfkeras, or ~/.cache/zfkeras where that is not set."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "zfkeras"


def download_folder() -> Path:
    """Returns the folder that downloaded data sets go to."""
    return cache_folder() / "data"


def model_path(name: str) -> Path:
    """Returns the path of a downloaded and converted network."""
    return cache_folder() / "models" / f"{name}.keras"


def find_data(name: str) -> str:
    """Finds a published data set and logs where it is."""
    spec = search([name])
    if spec is None:
        raise not_found([name])
    return spec


def search(names: Sequence[str]) -> str | None:
    """Finds the first of several data sets that is there, and logs where."""
    for name in names:
        spec = _locate(DATA_SETS[name])
        if spec is not None:
            logger.info("%s found: --data %s", name, spec)
            return spec
    return None


def not_found(names: Sequence[str]) -> UsageError:
    """Makes the error for data sets that were not found."""
    first = names[0]
    variable = "" if os.environ.get("ZFKERAS_DATA") else "$ZFKERAS_DATA (not set), "
    folders = ", ".join(map(str, _folders()))
    return UsageError(
        f"{' or '.join(names)} must be in {variable}{folders} or {_tfds_folder()}. "
        f"Received: none. Download it with: python -m zfkeras.download {first} "
        f"({in_megabytes(DATA_SETS[first].size)}), or give its path with --data."
    )


def _folders() -> list[Path]:
    """Lists the folders that are searched for archives and unpacked sets."""
    given = os.environ.get("ZFKERAS_DATA")
    folders = [Path(given).expanduser().absolute()] if given else []
    return [*folders, download_folder()]


def _tfds_folder() -> Path:
    given = os.environ.get("TFDS_DATA_DIR")
    return Path(given).expanduser() if given else Path.home() / "tensorflow_datasets"


def _locate(published: Published) -> str | None:
    for folder in _folders():
        for pattern in published.places:
            for path in sorted(folder.glob(pattern)):
                # A set in several archives is read by their folder.
                first, *others = (file.name for file in published.files)
                is_part = bool(others) and path.name == first
                return f"{published.prefix}:{folder if is_part else path}"
    if published.tfds and _is_prepared(published.tfds):
        return f"tfds:{published.tfds}"
    return None


def _is_prepared(name: str) -> bool:
    """Tells whether TFDS has prepared a set, without importing TFDS if it has not."""
    if not any((_tfds_folder() / name).glob("*/dataset_info.json")):
        return False
    from zfkeras.data.sources.tfds import is_prepared

    return is_prepared(name)
