"""Downloads published files: whole and checked, or continued the next time."""

import contextlib
import hashlib
import logging
import os
import re
import shutil
import time
from pathlib import Path
from typing import IO

import requests
from tqdm import tqdm

from zfkeras.data.published.sets import Published, PublishedFile, in_megabytes
from zfkeras.errors import RunError, UsageError
from zfkeras.io.locks import lock_file

logger = logging.getLogger(__name__)

# Attempts in a row that bring nothing new, before it gives up.
_TRIES = 4
# Without a single byte for so long, a connection counts as dropped.
_TIMEOUT_SECONDS = 30
# Bytes at a time; where a connection drops, what had come of the last is lost.
_RECEIVED, _CHECKED = 1 << 16, 1 << 20
# Of HTTP's answers.
_PART, _NOTHING_BEHIND = 206, 416
_BUSY = (429, 500, 502, 503, 504)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def download(published: Published, folder: Path) -> list[Path]:
    """Downloads all files of a data set or network that are not there yet.

    A file is written as NAME.part and takes its name once its checksum is right. A part
    that an interrupted download has left is continued by a Range request.

    Args:
        published: what to download.
        folder: where the files go; it is made.

    Returns:
        The paths of the files.

    Raises:
        UsageError: another file of that name is in the way.
        RunError: the server cannot be reached, or has another file; the checksum is
            wrong; another process is downloading it; or the disk is full.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return [_download_file(file, folder) for file in published.files]


def _download_file(file: PublishedFile, folder: Path) -> Path:
    path, part = folder / file.name, folder / f"{file.name}.part"
    if path.exists():
        if path.stat().st_size != file.size:
            raise UsageError(
                f"{path} must be the published file of {file.size:,} bytes. Received: "
                f"{path.stat().st_size:,} bytes. Move it away."
            )
        logger.info("%s is there already", path)
        return path
    _check_room(file, folder, part.stat().st_size if part.exists() else 0)
    with open(part, "ab") as out:
        _lock(out, part)
        if out.tell() > file.size:
            _start_over(out)
        _receive(file, out)
        out.flush()
        os.fsync(out.fileno())
        _check(file, part)
        os.replace(part, path)
    return path


def _lock(out: IO, part: Path) -> None:
    with contextlib.suppress(OSError):  # no locks on this file system
        if not lock_file(out.fileno()):
            raise RunError(f"another process is downloading {part}; wait until it ends")


def _check_room(file: PublishedFile, folder: Path, present: int) -> None:
    free = shutil.disk_usage(folder).free
    if file.size - present > free:
        raise RunError(
            f"no space left for {folder / file.name}: {file.size - present:,} bytes "
            f"are missing and {free:,} are free. Free some space and run the same "
            "command again."
        )


def _receive(file: PublishedFile, out: IO) -> None:
    """Appends what is missing; connects again where the connection drops."""
    furthest, vain = out.tell(), 0
    with tqdm(
        total=file.size,
        initial=out.tell(),
        desc=file.name,
        unit="B",
        unit_scale=True,
    ) as bar:
        while out.tell() < file.size:
            try:
                _receive_once(file, out, bar)
                reason = "the connection was closed"
            except requests.RequestException as err:
                reason = err
            vain = 0 if out.tell() > furthest else vain + 1
            furthest = max(furthest, out.tell())
            if vain == _TRIES:
                raise RunError(
                    f"{file.url} could not be downloaded ({reason}); what has come is "
                    "kept. Check the connection and run the same command again."
                )
            time.sleep(vain)


def _receive_once(file: PublishedFile, out: IO, bar: tqdm) -> None:
    """Asks the server once for what is missing, and writes what comes.

    Raises:
        requests.RequestException: something that may be better the next time.
        RunError: something that will not.
    """
    headers = {"Accept-Encoding": "identity"}
    if out.tell():
        headers["Range"] = f"bytes={out.tell()}-"
    with requests.get(
        file.url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS
    ) as answer:
        _check_status(answer, file)
        begin = _begin(answer, file)
        if begin != out.tell():
            _start_over(out)
            bar.update(-bar.n)
            if begin != 0:  # ask for all of it the next time
                return
        for chunk in answer.iter_content(_RECEIVED):
            out.write(chunk)
            bar.update(len(chunk))
            if out.tell() > file.size:
                raise _another_file(file, "more")


def _check_status(answer: requests.Response, file: PublishedFile) -> None:
    if answer.ok or answer.status_code == _NOTHING_BEHIND:
        return
    if answer.status_code in _BUSY:
        answer.raise_for_status()
    raise RunError(
        f"{file.url} could not be downloaded: the server answers "
        f"{answer.status_code} {answer.reason}"
    )


def _begin(answer: requests.Response, file: PublishedFile) -> int | None:
    """Returns where in the file an answer begins; `None` if it has no content.

    Raises:
        RunError: it is of a file of another size.
    """
    if answer.status_code == _NOTHING_BEHIND:
        return None
    begin, total = 0, answer.headers.get("Content-Length", "*")
    if answer.status_code == _PART:
        match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        begin, total = (int(match[1]), match[2]) if match else (None, "*")
    if total not in ("*", str(file.size)):
        raise _another_file(file, total)
    return begin


def _start_over(out: IO) -> None:
    out.seek(0)
    out.truncate()


def _another_file(file: PublishedFile, received: str) -> RunError:
    return RunError(
        f"{file.url} must be the published file of {file.size:,} bytes. Received: "
        f"{received} bytes. The server has another file now; nothing was replaced."
    )


def _check(file: PublishedFile, part: Path) -> None:
    """Compares the checksum; a wrong file is removed.

    Raises:
        RunError: the checksum is wrong.
    """
    kind, _, wanted = file.checksum.partition(":")
    digest = hashlib.new(kind, usedforsecurity=False)
    with (
        open(part, "rb") as content,
        tqdm(
            total=file.size, desc=f"checking {kind}", unit="B", unit_scale=True
        ) as bar,
    ):
        while chunk := content.read(_CHECKED):
            digest.update(chunk)
            bar.update(len(chunk))
    if digest.hexdigest() != wanted:
        part.unlink()
        raise RunError(
            f"{file.name} must have the checksum {file.checksum}. Received: "
            f"{kind}:{digest.hexdigest()} from {file.url}. It was removed; run the "
            "same command again."
        )


def describe(name: str, published: Published) -> str:
    """Returns one line about a download: what it is, its size and its licence.

    Args:
        name: as the user calls it.
        published: the data set or network.
    """
    files = ", ".join(file.name for file in published.files)
    return (
        f"{name}: {published.title}; {files}, {in_megabytes(published.size)}; "
        f"licence: {published.licence}"
    )
