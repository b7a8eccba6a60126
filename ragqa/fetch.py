"""Fetching public files: streamed, resumed, checked, and placed under their name only when whole.

``RAGQA_MIRROR`` (a ``file:`` or http address) names a copy of the sources for sites without a way out: the file
of ``https://host/path`` is looked for at ``MIRROR/host/path``, as ``wget -x`` lays files out.
"""

import logging
import os
import shutil
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.response import addinfourl

import pooch

from ragqa.errors import SourceError, UsageError
from ragqa.manifest import sync_folder, write_json
from ragqa.types import Progress

MIRROR = "RAGQA_MIRROR"
N_ATTEMPTS = 3
TIMEOUT_SECONDS = 60
BACK_OFF_SECONDS = 1.0
"""The pause before an attempt after a server that was too busy; each next one is twice as long."""
_CHUNK_BYTES = 1 << 20
_BUSY = {429, 500, 502, 503, 504}
_MOST_SMALL_BYTES = 16 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file to fetch and what is known of it.

    Attributes
    ----------
    name
        Where it goes, relative to the folder of the data.
    url
        Where it comes from.
    part
        The data set it belongs to, for tasks with several.
    size_bytes
        0 where it is not known.
    checksum
        As published, "sha256:…" or "md5:…"; "" where there is none. Whatever arrives is written to
        ``NAME.origin.json`` with its sha256, so that a later copy can be compared.
    unpack
        True for a .zip or .tar.gz that is unpacked beside itself.
    """

    name: str
    url: str
    part: str = ""
    size_bytes: int = 0
    checksum: str = ""
    unpack: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """What was fetched, from where."""

    url: str
    size_bytes: int
    sha256: str


class _BrokenOffError(Exception):
    """The connection ended early; what came is kept, and the next attempt goes on from there."""


class _RefusedError(Exception):
    """The source cannot be reached or does not give the file; ``code`` is the HTTP status, 0 for none."""

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


def fetch(
    file: RemoteFile, folder: Path, progress: Progress | None = None, *, mirrored: bool = True, replace: bool = False
) -> Path:
    """Fetch a file, unless it is there already, and unpack it if it says so.

    An interrupted download is kept as ``NAME.part`` and continued by the next call, or from zero where the server
    cannot continue. The file appears under its name only once its size and checksums are right.

    Parameters
    ----------
    mirrored
        Whether ``RAGQA_MIRROR`` is asked in place of the file's own address.
    replace
        Whether a file that is there, but is not the one that was published, is fetched anew instead of refused.

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
    origin = origin_path(target)
    if target.is_file() and (problem := _problem(file, target)):
        if not replace:
            raise SourceError(f"{target} is not the file that was published: {problem}; delete it and fetch it again")
        _log.warning("%s is not the file that was published: %s; fetching it anew", target, problem)
        target.unlink()
        origin.unlink(missing_ok=True)
    if not target.is_file():
        _download(file, target, source_address(file.url) if mirrored else file.url, progress)
    if not origin.is_file():
        write_json(origin, Origin(file.url, target.stat().st_size, pooch.file_hash(str(target))))
        sync_folder(target.parent)
    return _unpack(target) if file.unpack else target


def origin_path(path: Path) -> Path:
    """Where the :class:`Origin` of a fetched file is written."""
    return path.with_name(f"{path.name}.origin.json")


def read_address(address: str) -> bytes:
    """The content of a small file, or the listing of a folder on a server; tried again where it broke off.

    Raises
    ------
    SourceError
        It cannot be reached, or is larger than 16 MiB.
    """
    for attempt in range(1, N_ATTEMPTS + 1):
        try:
            return _read_once(address)
        except _RefusedError as error:
            raise SourceError(f"cannot fetch {address}: {error}; correct the address or name another mirror") from error
        except _BrokenOffError as error:
            if attempt == N_ATTEMPTS:
                raise SourceError(f"{address} broke off ({error}) {N_ATTEMPTS} times; run it again later") from error
            _back_off(attempt)
    raise AssertionError


def size_of(address: str) -> int:
    """Bytes of the file at an address as its server tells them; 0 where it does not."""
    try:
        with _opened(address, 0, "HEAD") as response:
            length = response.headers.get("Content-Length", "")
            return int(length) if length.isdigit() else 0
    except (_RefusedError, _BrokenOffError):
        return 0


def _read_once(address: str) -> bytes:
    with _opened(address, 0) as response:
        try:
            content = response.read(_MOST_SMALL_BYTES + 1)
        except (OSError, HTTPException) as error:
            raise _BrokenOffError(str(error)) from error
        if len(content) > _MOST_SMALL_BYTES:
            raise _RefusedError(f"it has more than {_MOST_SMALL_BYTES >> 20} MiB")
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and len(content) < int(length):
            raise _BrokenOffError(f"{len(content)} of {length} bytes")
        return content


def _back_off(attempt: int) -> None:
    time.sleep(BACK_OFF_SECONDS * 2 ** (attempt - 1))


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


def _download(file: RemoteFile, target: Path, address: str, progress: Progress | None) -> None:
    """Fetch by pooch, which checks the checksum and moves the file to its place; ours is that a part is continued."""
    pooch.get_logger().setLevel(logging.WARNING)
    for _ in range(2):
        download = _Resumed(file, target, progress)
        try:
            pooch.retrieve(address, file.checksum or None, target.name, target.parent, downloader=download)
        except ValueError as error:
            problem = str(error)
        else:
            return
        if not download.continued:
            break
        # The beginning came from an earlier version of the file: once more, from zero.
        _log.warning("what was left of an earlier download of %s does not fit; fetching it anew", file.name)
    raise SourceError(f"{address} sent something else than was published: {problem} {_by_hand(file, target)}")


class _Resumed:
    """pooch's downloader that keeps what came before a break in ``NAME.part`` and goes on from there."""

    def __init__(self, file: RemoteFile, target: Path, progress: Progress | None) -> None:
        self.file, self.progress = file, progress
        self.part = target.with_name(f"{target.name}.part")
        self.continued = self.part.is_file() and self.part.stat().st_size > 0

    def __call__(self, address: str, output: str, pooch: Any) -> None:  # noqa: ARG002
        for attempt in range(1, N_ATTEMPTS + 1):
            try:
                _receive(address, self.file, self.part, self.progress)
                break
            except _BrokenOffError as error:
                if attempt == N_ATTEMPTS:
                    raise SourceError(
                        f"{address} broke off ({error}) {N_ATTEMPTS} times; {self.part.name} is kept: run it again to "
                        "go on"
                    ) from error
                _log.warning("%s broke off (%s); going on from there", address, error)
                _back_off(attempt)
            except _RefusedError as error:
                target = self.part.with_name(self.part.name.removesuffix(".part"))
                raise SourceError(f"cannot fetch {address}: {error}. {_by_hand(self.file, target)}") from error
        size = self.part.stat().st_size
        if not size or (self.file.size_bytes and size != self.file.size_bytes):
            self.part.unlink()
            raise ValueError(f"{size} bytes instead of {self.file.size_bytes}." if size else "it is empty.")
        self.part.replace(output)


def _receive(address: str, file: RemoteFile, part: Path, progress: Progress | None) -> None:
    """Append to ``part`` what is missing from it."""
    n_done = part.stat().st_size if part.is_file() else 0
    if file.size_bytes and n_done >= file.size_bytes:
        return
    try:
        with _opened(address, n_done) as response:
            _append(response, n_done, file, part, progress)
    except _RefusedError as error:
        if error.code != 416:
            raise
        part.unlink()  # It is as long as the file, or longer.
        raise _BrokenOffError("the server has nothing behind what was here") from error


def _append(response: addinfourl, n_done: int, file: RemoteFile, part: Path, progress: Progress | None) -> None:
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
def _opened(address: str, begin: int, method: str = "GET") -> Iterator[addinfourl]:
    """The response to a request for what follows the first ``begin`` bytes."""
    request = urllib.request.Request(address, headers={"User-Agent": "ragqa"}, method=method)  # noqa: S310
    if begin:
        request.add_header("Range", f"bytes={begin}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310
    except urllib.error.HTTPError as error:
        told = f"HTTP {error.code} {error.reason}"
        raise (_BrokenOffError(told) if error.code in _BUSY else _RefusedError(told, error.code)) from error
    except (TimeoutError, ConnectionError) as error:
        raise _BrokenOffError(str(error)) from error
    except (urllib.error.URLError, OSError, HTTPException) as error:
        raise _RefusedError(str(getattr(error, "reason", error))) from error
    with response:
        yield response


def _by_hand(file: RemoteFile, target: Path) -> str:
    return f"Fetch {file.url} by hand and put it at {target}, or set {MIRROR} to a copy (file:/… or http…)"


def _problem(file: RemoteFile, path: Path) -> str:
    """What is wrong with a file that should be ``file``, or ""."""
    size = path.stat().st_size
    if file.size_bytes and size != file.size_bytes:
        return f"{size} bytes instead of {file.size_bytes}"
    kind, _, expected = file.checksum.rpartition(":")
    if expected and (found := pooch.file_hash(str(path), alg=kind)) != expected.lower():
        return f"{kind} {found} instead of {expected}"
    return "" if size else "it is empty"


def _unpack(archive: Path) -> Path:
    """Unpack an archive into the folder of its name beside it, unless that is there already."""
    folder = archive.with_name(archive.name.removesuffix(archive.suffix).removesuffix(".tar"))
    if folder.is_dir():
        return folder
    building = archive.with_name(f"{folder.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    try:
        shutil.unpack_archive(archive, building, filter=None if archive.suffix == ".zip" else "data")
    except (shutil.ReadError, tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        shutil.rmtree(building, ignore_errors=True)
        raise SourceError(f"{archive} cannot be unpacked: {error}; delete it and fetch it again") from error
    # An archive that holds one folder and nothing else: that folder is what is wanted.
    inside = list(building.iterdir())
    (inside[0] if len(inside) == 1 and inside[0].is_dir() else building).replace(folder)
    shutil.rmtree(building, ignore_errors=True)
    sync_folder(folder.parent)
    return folder


def _inside(folder: Path, name: str) -> Path:
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()) or target == folder.resolve():
        raise UsageError(f"{name!r} is no file name below {folder}")
    return folder / name
