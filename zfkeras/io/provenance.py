"""Records the command, the versions and the commit that made a result."""

import functools
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from zfkeras.io.files import write_json
from zfkeras.io.invocation import command_line


def write_record(path: Path, results: Mapping) -> Path:
    """Writes results as JSON with "command" and "environment"; returns the path."""
    provenance = {"command": command_line(), "environment": environment()}
    write_json(path, {**results, **provenance})
    return Path(path)


def write_results(workdir: Path, name: str, results: Mapping) -> Path:
    """Writes a command's record to NAME.json, and a copy to results.json.

    Every workdir has a results.json, whatever command filled it; NAME.json is the
    record that the report and later commands look for. In the workdir of a training,
    which has a config.json, only the training writes results.json.
    """
    if not (workdir / "config.json").exists():
        write_record(workdir / "results.json", results)
    return write_record(workdir / f"{name}.json", results)


def environment() -> dict:
    """Returns the versions of the main packages, the machine and the commit."""
    packages = ("zfkeras", "tensorflow", "keras", "numpy", "scikit-learn", "pillow")
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        **versions,
        "commit": _commit(),
    }


@functools.cache  # a record is written after each of many pictures
def _commit() -> str | None:
    """Returns the commit of the checkout this package is part of, if it is part of one.

    An environment may lie inside the checkout of something else, which tracks none of
    its files.
    """
    try:
        _git("ls-files", "--error-unmatch", Path(__file__).name)
        return _git("describe", "--always", "--dirty", "--abbrev=12") or None
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*words: str) -> str:
    answer = subprocess.run(
        ["git", *words],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return answer.stdout.strip()
