"""Fetching public data sets: streamed, resumed, checked, and placed under their name only when whole.

``RAGQA_MIRROR`` (a ``file:`` or http address) names a copy of the sources for sites without a way out: the file
of ``https://host/path`` is looked for at ``MIRROR/host/path``, as ``wget -x`` lays files out.
"""

import hashlib
import logging
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.response import addinfourl

from ragqa.errors import SourceError, UsageError
from ragqa.manifest import sync_folder, write_json
from ragqa.types import Progress

MIRROR = "RAGQA_MIRROR"
N_ATTEMPTS = 3
TIMEOUT_SECONDS = 60
_CHUNK_BYTES = 1 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file to fetch and what is known of it.

    Attributes
    ----------
    name
        Where it goes, relative to the task's data folder.
    url
        Where it comes from.
    part
        The data set it belongs to, for tasks with several.
    size_bytes
        0 where it is not known.
    sha256, md5
        Published checksums; "" where there is none. Whatever arrives is written to ``NAME.origin.json`` with its
        sha256, so that a later copy can be compared.
    unpack
        True for a .zip that is unpacked beside itself.
    """

    name: str
    url: str
    part: str = ""
    size_bytes: int = 0
    sha256: str = ""
    md5: str = ""
    unpack: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """What was fetched, from where."""

    url: str
    size_bytes: int
    sha256: str


class _BrokenOffError(Exception):
    """The connection ended early; what came is kept, and the next attempt goes on from there."""


def fetch(file: RemoteFile, folder: Path, progress: Progress | None = None) -> Path:
    """Fetch a file, unless it is there already, and unpack it if it says so.

    An interrupted download is kept as ``NAME.part`` and continued by the next call, or from zero where the server
    cannot continue. The file appears under its name only once its size and checksums are right.

    Returns
    -------
    Path
        The file, or for an archive the folder it was unpacked into.

    Raises
    ------
    SourceError
        The source cannot be reached, or what it sends is not the file that is expected. The message says where to
        put a copy fetched by hand. Nothing is left but, after an interruption, the part to go on with.
    UsageError
        An address is neither http(s) nor file.
    """
    target = _inside(folder, file.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file():
        problem = _problem(file, target)
        if problem:
            raise SourceError(f"{target} is not the file that was published: {problem}; delete it and fetch it again")
    else:
        _download(file, target, progress)
    return _unpack(target) if file.unpack else target


def source_address(url: str) -> str:
    """The address that is used for ``url``: itself, or its place in the mirror.

    >>> source_address("https://example.org/data/set.zip")
    'https://example.org/data/set.zip'
    """
    mirror = os.environ.get(MIRROR, "").strip()
    if mirror:
        parts = urllib.parse.urlsplit(url)
        url = f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}"
    if urllib.parse.urlsplit(url).scheme not in ("http", "https", "file"):
        raise UsageError(f"{url!r} is not an address to fetch from; {MIRROR} must begin with file: or http")
    return url


def _download(file: RemoteFile, target: Path, progress: Progress | None) -> None:
    address = source_address(file.url)
    part = target.with_name(f"{target.name}.part")
    resumed = part.is_file() and part.stat().st_size > 0
    for attempt in range(1, N_ATTEMPTS + 1):
        try:
            _receive(address, file, part, progress)
        except _BrokenOffError as error:
            if attempt == N_ATTEMPTS:
                raise SourceError(
                    f"{address} broke off ({error}) {N_ATTEMPTS} times; {part.name} is kept: run it again to go on"
                ) from error
            _log.warning("%s broke off (%s); going on from there", address, error)
            continue
        problem = _problem(file, part)
        if not problem:
            break
        part.unlink()
        if not resumed:
            raise SourceError(f"{address} sent something else than was published: {problem}. {_by_hand(file, target)}")
        # The beginning came from an earlier version of the file: once more, from zero.
        _log.warning("what was left of an earlier download of %s does not fit; fetching it anew", file.name)
        resumed = False
    else:
        raise SourceError(f"{address} could not be fetched in {N_ATTEMPTS} attempts. {_by_hand(file, target)}")
    size, digest = part.stat().st_size, _digest(part, "sha256")
    write_json(target.with_name(f"{target.name}.origin.json"), Origin(file.url, size, digest))
    part.replace(target)
    sync_folder(target.parent)


def _receive(address: str, file: RemoteFile, part: Path, progress: Progress | None) -> None:
    """Append to ``part`` what is missing from it."""
    n_done = part.stat().st_size if part.is_file() else 0
    if file.size_bytes and n_done >= file.size_bytes:
        return
    with _opened(address, n_done, file, part) as response:
        continues = n_done > 0 and getattr(response, "status", 200) == 206
        n_done = n_done if continues else 0
        length = response.headers.get("Content-Length")
        n_total = n_done + int(length) if length and length.isdigit() else file.size_bytes or None
        with _writing(part, "ab" if continues else "wb") as output:
            while chunk := _next_chunk(response, n_done):
                output.write(chunk)
                n_done += len(chunk)
                if progress:
                    progress(f"fetch {file.name}", n_done, n_total)
    if n_total is not None and n_done < n_total:
        raise _BrokenOffError(f"{n_done} of {n_total} bytes")


def _next_chunk(response: addinfourl, n_done: int) -> bytes:
    try:
        return response.read(_CHUNK_BYTES)
    except (OSError, HTTPException) as error:
        raise _BrokenOffError(f"{n_done} bytes, {error}") from error


@contextmanager
def _writing(part: Path, mode: str) -> Iterator[IO[bytes]]:
    try:
        with part.open(mode) as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
    except OSError as error:
        raise SourceError(f"cannot write {part}: {error.strerror or error}; make room and run it again") from error


@contextmanager
def _opened(address: str, begin: int, file: RemoteFile, part: Path) -> Iterator[addinfourl]:
    request = urllib.request.Request(address, headers={"User-Agent": "ragqa"})  # noqa: S310
    if begin:
        request.add_header("Range", f"bytes={begin}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == 416:  # The part is as long as the file, or longer.
            part.unlink()
            raise _BrokenOffError("the server has nothing behind what was here") from error
        raise _unreachable(address, f"HTTP {error.code} {error.reason}", file, part) from error
    except (TimeoutError, ConnectionError) as error:
        raise _BrokenOffError(str(error)) from error
    except (urllib.error.URLError, OSError, HTTPException) as error:
        raise _unreachable(address, str(getattr(error, "reason", error)), file, part) from error
    with response:
        yield response


def _unreachable(address: str, reason: str, file: RemoteFile, part: Path) -> SourceError:
    return SourceError(f"cannot fetch {address}: {reason}. {_by_hand(file, part.with_name(part.name[:-5]))}")


def _by_hand(file: RemoteFile, target: Path) -> str:
    return f"Fetch {file.url} by hand and put it at {target}, or set {MIRROR} to a copy (file:/… or http…)"


def _problem(file: RemoteFile, path: Path) -> str:
    """What is wrong with a file that should be ``file``, or ""."""
    size = path.stat().st_size
    if file.size_bytes and size != file.size_bytes:
        return f"{size} bytes instead of {file.size_bytes}"
    for kind, expected in (("sha256", file.sha256), ("md5", file.md5)):
        if expected and (found := _digest(path, kind)) != expected.lower():
            return f"{kind} {found} instead of {expected}"
    return "" if size else "it is empty"


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _unpack(archive: Path) -> Path:
    """Unpack a .zip into the folder of its name beside it, unless that is there already."""
    folder = archive.with_suffix("")
    if folder.is_dir():
        return folder
    building = archive.with_name(f"{archive.stem}.building")
    shutil.rmtree(building, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(building)
    except (zipfile.BadZipFile, OSError) as error:
        shutil.rmtree(building, ignore_errors=True)
        raise SourceError(f"{archive} cannot be unpacked: {error}; delete it and fetch it again") from error
    # BEIR's archives hold one folder of their own name: that folder is what is wanted.
    inner = building / folder.name
    (inner if [path.name for path in building.iterdir()] == [folder.name] else building).replace(folder)
    shutil.rmtree(building, ignore_errors=True)
    sync_folder(folder.parent)
    return folder


def _inside(folder: Path, name: str) -> Path:
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()) or target == folder.resolve():
        raise UsageError(f"{name!r} is no file name below {folder}")
    return folder / name
