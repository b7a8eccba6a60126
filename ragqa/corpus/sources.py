"""Finding source files in a fixed order, and opening them so that damage is reported with file and place."""

import gzip
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
from isal import isal_zlib

from ragqa.corpus.objects import StoredObject, find_objects
from ragqa.errors import SourceError
from ragqa.stores import is_address

_PACKED_BYTES = 1024 * 1024
_UNPACKING_ERROR = cast(type[Exception], isal_zlib.error)
MOST_LINE_BYTES = 256 << 20
_UNPACKED_BYTES = 2 * 1024 * 1024
_GLOB_SIGNS = re.compile(r"[*?\[]")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that compares digits as numbers.

    >>> sorted(["n10.xml", "n9.xml", "update1.xml"], key=natural_key)
    ['n9.xml', 'n10.xml', 'update1.xml']
    """
    pieces = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple((0, int(piece), piece) if piece.isdecimal() else (1, 0, piece) for piece in pieces)


def find_sources(sources: Sequence[str], base: Path, patterns: Sequence[str]) -> list[Path | StoredObject]:
    """The files that ``sources`` stand for, in the order in which they are read.

    Parameters
    ----------
    sources
        Files, folders or globs, of which relative ones start at ``base``, or addresses of such in a store.
    patterns
        Which files of a folder are meant; hidden files never are.

    Raises
    ------
    SourceError
        A source stands for no file, or its store does not answer.
    """
    # A link has a name of its own, by which its documents are known; the file that it leads to is read once.
    found: dict[Path | StoredObject, Path | StoredObject] = {}
    for source in sources:
        if is_address(source):
            objects = sorted(find_objects(source, patterns), key=lambda one: (natural_key(one.name), one.address))
            found.update({one: one for one in objects})
        else:
            for path in _expand(source, base, patterns):
                found.setdefault(path.resolve(), path.absolute())
    if not found:
        raise SourceError("a corpus needs at least one source; name files, folders or globs under 'sources'")
    return list(found.values())


def _expand(source: str, base: Path, patterns: Sequence[str]) -> list[Path]:
    given = Path(source).expanduser()
    path = base / given
    if path.is_file():
        return [path]
    if path.is_dir():
        names = {file for pattern in patterns for file in path.glob(pattern)}
        wanted = f"a file named {' or '.join(patterns)}"
    elif _GLOB_SIGNS.search(source):
        # Signs of a pattern in the name of the base are none.
        root = Path(given.anchor) if given.is_absolute() else base
        names = set(root.glob(str(given.relative_to(given.anchor))))
        wanted = "a file of that pattern"
    else:
        raise SourceError(f"there is no file or folder {path}; correct 'sources' or the path given")
    files = [file for file in names if file.is_file() and not file.name.startswith(".")]
    if not files:
        raise SourceError(f"{path} has no file to read; expected {wanted}")
    return sorted(files, key=lambda file: (natural_key(file.name), str(file)))


def open_source(path: Path) -> BinaryIO:
    """Open a file for reading bytes, unpacked where it is gzip by its first bytes.

    Raises
    ------
    SourceError
        The file cannot be opened or is empty.
    """
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if not start:
            raise SourceError(f"{path} is empty (0 bytes); fetch it again or remove it from the sources")
        if start == b"\x1f\x8b":
            return cast("BinaryIO", io.BufferedReader(_Gunzip(path.open("rb")), _UNPACKED_BYTES))
        if path.suffix == ".gz":
            raise SourceError(f"{path} is not gzip, though its name says so; fetch it again")
        return path.open("rb")
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error


class _Gunzip(io.RawIOBase):
    """Unpacks gzip in large pieces, so that a thread that reads ahead seldom waits for the interpreter lock."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._decompressor = isal_zlib.decompressobj(wbits=31)
        self._packed = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        while True:
            data = self._next(len(view))
            if data is None:
                return 0
            if data:
                view[: len(data)] = data
                return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _next(self, size: int) -> bytes | None:
        """At most ``size`` bytes, perhaps none yet; None at the end of the last member."""
        if not self._packed:
            self._packed = self._file.read(_PACKED_BYTES)
        if self._decompressor.eof:
            # Members may follow one another; zeros may pad the last one.
            self._packed = self._packed.lstrip(b"\0")
            if not self._packed:
                return b"" if self._file.peek(1) else None
            self._decompressor = isal_zlib.decompressobj(wbits=31)
        elif not self._packed:
            raise EOFError("the gzip data end before their end mark")
        data = self._decompressor.decompress(self._packed, size)
        self._packed = self._decompressor.unused_data or self._decompressor.unconsumed_tail
        return data


@contextmanager
def damage_reported(path: Path, place: Callable[[], str]) -> Iterator[None]:
    """Turn errors of unpacking and reading into a :class:`SourceError` with ``place()``, where it happened."""
    try:
        yield
    except EOFError as error:
        raise SourceError(f"{path} is truncated: the gzip data end {place()}; fetch it again") from error
    except (gzip.BadGzipFile, _UNPACKING_ERROR) as error:
        raise SourceError(f"{path} is corrupt {place()}: {error}; fetch it again") from error
    except OSError as error:
        raise SourceError(f"cannot read {path} {place()}: {error.strerror or error}") from error


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a text file, plain or gzip, that are not blank, with their numbers from 1; a BOM is dropped.

    Raises
    ------
    SourceError
        The file cannot be read to its end, or a line is longer than :data:`MOST_LINE_BYTES`.
    """
    number = 0
    with open_source(path) as file, damage_reported(path, lambda: f"after line {number}"):
        while line := file.readline(MOST_LINE_BYTES + 1):
            number += 1
            if len(line) > MOST_LINE_BYTES:
                raise SourceError(
                    f"{path}, line {number}: longer than {MOST_LINE_BYTES >> 20} MiB; each line must hold one "
                    "document. Give a file of lines, or remove this one from the sources"
                )
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                yield number, text
    if number == 0:
        raise SourceError(f"{path} holds nothing; fetch it again or remove it from the sources")


def json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """What each line of a file of JSON lines holds, with its place as errors name it; see :func:`lines_of`.

    Raises
    ------
    SourceError
        A line is not JSON, or as for :func:`lines_of`.
    """
    decoder = msgspec.json.Decoder()
    for number, line in lines_of(path):
        place = f"{path}, line {number}"
        try:
            value = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SourceError(f"{place}: not JSON, or cut off ({error}); each line must hold one object") from error
        yield place, value
