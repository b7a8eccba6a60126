"""The file with the keys of a server: one TOML table a key, with its hash, its end and its limits, never the key."""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from ragqa import home, recipe
from ragqa.errors import RecipeError, UsageError, nearest
from ragqa.manifest import write_atomically
from ragqa.recipe import PositiveInt

DEFAULT_PATH = "services/keys.toml"
"""Where keys are when nobody says otherwise; under ``RAGQA_HOME``."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_HEAD = (
    "# Keys of ragqa, as hashes; `ragqa keys` changes them. A running server reads this file again when it changes.\n"
)
_READABLE_BY_OTHERS = 0o007
_WRITABLE_BY_GROUP = 0o020

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")]


@dataclass(frozen=True, slots=True)
class Key:
    """What a server knows of one key.

    Attributes
    ----------
    sha256
        The hash of the key, in hexadecimal digits. A key is 32 random bytes, so that no slow hash is needed.
    created, expires
        When it was made, and from when on it is refused; None for never.
    per_minute
        Requests a minute; so many may come at once, after that they are counted by the second.
    at_once
        Requests that may be under way at once.
    old_sha256, old_until
        The key that this one took the place of, and until when it is accepted still.
    """

    sha256: Sha256
    created: Instant
    expires: Instant | None = None
    per_minute: PositiveInt = 600
    at_once: PositiveInt = 32
    old_sha256: Sha256 = ""
    old_until: Instant | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether the key is refused at a time."""
        return self.expires is not None and now >= self.expires


def path_of(setting: str) -> Path:
    """The file that a setting names, under ``RAGQA_HOME`` where it is not absolute."""
    return home.home() / setting


def digest(key: str) -> str:
    """The hash by which a key is known.

    >>> digest("a key")[:8]
    '8fa3aab2'
    """
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read(path: Path) -> dict[str, Key]:
    """The keys of a file, by name.

    Raises
    ------
    UsageError
        The file cannot be read, others may read or change it, or it holds something else.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            table = tomllib.loads(file.read().decode())
    except OSError as error:
        raise UsageError(
            f"cannot read the keys file {path}: {error.strerror}; make one: ragqa keys add NAME"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        text = f"the keys file {path} is not TOML: {error}; let ragqa write it: ragqa keys add NAME"
        raise UsageError(text) from error
    if mode & (_READABLE_BY_OTHERS | _WRITABLE_BY_GROUP):
        raise UsageError(f"others can read or change the keys file {path}; run: chmod 600 {path}")
    return {name: _key_of(path, name, value) for name, value in table.items()}


def add(path: Path, name: str, *, days: float | None, per_minute: int, at_once: int) -> str:
    """Make a key, write its hash into the file, and return the key itself, which is kept nowhere.

    Raises
    ------
    UsageError
        The name is taken or cannot be one, or the file cannot be read or written.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name[:50]!r} is not a name for a key; use letters, digits, '-' and '_', at most 40")
    secret = _new_secret()
    with _changing(path) as keys:
        if name in keys:
            raise UsageError(f"there is a key {name!r} already; replace it: ragqa keys rotate {name}")
        now = _now()
        expires = None if days is None else now + timedelta(days=days)
        keys[name] = Key(digest(secret), now, expires, per_minute, at_once)
    return secret


def rotate(path: Path, name: str, *, days: float | None, keep_hours: float) -> str:
    """Make a new key in place of another of the same name and limits; the old one is accepted ``keep_hours`` longer.

    Raises
    ------
    UsageError
        There is no such key, or the file cannot be read or written.
    """
    secret = _new_secret()
    with _changing(path) as keys:
        old = _named(keys, name)
        now = _now()
        expires = None if days is None else now + timedelta(days=days)
        until = min(time for time in (now + timedelta(hours=keep_hours), old.expires) if time is not None)
        keys[name] = replace(
            old, sha256=digest(secret), created=now, expires=expires, old_sha256=old.sha256, old_until=until
        )
    return secret


def revoke(path: Path, name: str) -> None:
    """Take a key out of the file; what it is told instead of an answer from then on is 401.

    Raises
    ------
    UsageError
        There is no such key, or the file cannot be read or written.
    """
    with _changing(path) as keys:
        _named(keys, name)
        del keys[name]


def write(path: Path, keys: Mapping[str, Key]) -> None:
    """Write all keys of a file, which none but its owner can read."""
    lines = [_HEAD]
    for name, key in keys.items():
        lines.append(f"\n[{name}]\n")
        table = {field: getattr(key, field) for field in key.__dataclass_fields__}
        lines += [f"{field} = {_as_toml(value)}\n" for field, value in table.items() if value not in {None, ""}]
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat() if path.exists() else None
    write_atomically(path, "".join(lines).encode(), mode=0o600)
    if before is not None:  # a service that may read it by its group still can
        if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(path, before.st_uid, before.st_gid)
        path.chmod(before.st_mode & 0o640)


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[dict[str, Key]]:
    """The keys of a file, which is written when the block ends; one program at a time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            keys = read(path) if path.exists() else {}
            yield keys
            write(path, keys)
        finally:
            os.close(folder)
    except OSError as error:
        raise UsageError(f"cannot write the keys file {path}: {error.strerror}; name another: --file PATH") from error


def _key_of(path: Path, name: str, value: object) -> Key:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"the keys file {path} has a key {name[:50]!r}, which is no name for one; use letters, digits, '-' and "
            "'_', at most 40"
        )
    if not isinstance(value, dict):
        raise UsageError(f"the keys file {path} has {name!r} outside of a table; write it below a line [NAME]")
    try:
        return recipe.from_table(value, Key, f"the keys file {path}, key {name!r}")
    except RecipeError as error:
        raise UsageError(str(error)) from error


def _named(keys: Mapping[str, Key], name: str) -> Key:
    if name not in keys:
        raise UsageError(f"there is no key {name[:50]!r}; {nearest(name[:50], keys)}")
    return keys[name]


def _new_secret() -> str:
    """A new key, whose beginning lets scanners for secrets find it in places where it should not be."""
    return f"ragqa_{secrets.token_urlsafe(32)}"


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _as_toml(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f'"{value}"' if isinstance(value, str) else str(value)
