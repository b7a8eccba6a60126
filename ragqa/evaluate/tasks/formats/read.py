"""Reading JSON, JSON lines and text with errors that name the file and the line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ragqa.errors import SourceError

MOST_BYTES = 256 << 20
"""Files that are read as a whole, and lines of files that are not, are refused when they are larger."""


def read_text(path: Path) -> str:
    """The text of a file.

    Raises
    ------
    SourceError
        It is missing, empty, a folder, larger than :data:`MOST_BYTES`, or not UTF-8.
    """
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise SourceError(
                f"{path} holds {size / 2**30:.1f} GiB; of what is read as a whole {MOST_BYTES >> 20} MiB are allowed. "
                "Is it the file that was meant? Give a part of it"
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text: {error}; save it as UTF-8") from error
    if not text.strip():
        raise SourceError(f"{path} is empty; fetch or export it again")
    return text


def read_json(path: Path) -> Any:
    """The content of a JSON file as plain values; raises :class:`SourceError` where it is none."""
    try:
        return msgspec.json.decode(read_text(path).encode())
    except msgspec.DecodeError as error:
        raise SourceError(f"{path} is not JSON, or is cut off: {error}; fetch or export it again") from error


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each JSON object of a JSON-lines file with its line number; blank lines are passed over."""
    for number, line in read_lines(path):
        try:
            row = msgspec.json.decode(line.encode())
        except msgspec.DecodeError as error:
            raise SourceError(f"{path}, line {number}: not JSON, or cut off: {error}") from error
        if not isinstance(row, dict):
            raise SourceError(f"{path}, line {number}: a JSON object is expected, not {line[:60]!r}")
        yield number, row


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Each line that is not blank, with its number and without its end; the file is never held as a whole."""
    for number, line in whole_lines(path):
        if line.strip():
            yield number, line.rstrip("\r\n")


def whole_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Each line with its number and its end.

    Raises
    ------
    SourceError
        The file is missing, a folder or empty, or a line is not UTF-8 or longer than :data:`MOST_BYTES`.
    """
    is_empty = True
    try:
        # Only "\n" ends a line: texts may hold other separators that str.splitlines would split at.
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(MOST_BYTES + 1):
                number += 1
                if len(raw) > MOST_BYTES:
                    raise SourceError(
                        f"{path}, line {number}: longer than {MOST_BYTES >> 20} MiB; a file of lines is expected here, "
                        "give the one that its makers publish"
                    )
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                is_empty = is_empty and not line.strip()
                yield number, line
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}, line {number}: not UTF-8 text: {error}; save the file as UTF-8") from error
    if is_empty:
        raise SourceError(f"{path} is empty; fetch or export it again")


def string(row: dict[str, Any], key: str, where: str) -> str:
    """The non-empty string (or whole number, as text) under ``key``; raises :class:`SourceError`."""
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        found = "missing" if key not in row else f"{str(value)[:60]!r}"
        raise SourceError(f"{where}: {key!r} must be a non-empty text; it is {found}")
    return value


def listed(items: list[str], n_shown: int = 3) -> str:
    """A short listing for messages.

    >>> listed(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    shown = ", ".join(items[:n_shown])
    return shown + (f" and {len(items) - n_shown} more" if len(items) > n_shown else "")
