"""Bearer keys: which of them a request carries, read again from their file when it changes."""

import hmac
import ipaddress
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ragqa.errors import UsageError
from ragqa.serve import key_file
from ragqa.serve.key_file import Key
from ragqa.serve.settings import Security

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """A key that is accepted: its name and what it may."""

    name: str
    key: Key


class RefusedKeyError(Exception):
    """A request has no key, or one that is not accepted; the message says which."""


class Keys:
    """The keys that a server accepts. Where their file never was, everybody is let in.

    A change of the file holds from the next request on. When it is gone, no key is accepted; when it cannot be read,
    what it held before stays in force, and the log says so.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: tuple[int, ...] | None = None
        self._by_digest: dict[str, tuple[Known, datetime | None]] = {}
        self._asked = path.exists()
        if self._asked:
            self._state = self._state_of_file()
            self._take(key_file.read(path))

    def __bool__(self) -> bool:
        """Whether keys are asked for."""
        self._follow()
        return self._asked

    def known(self, authorization: str) -> Known:
        """The key in an ``Authorization`` header.

        Raises
        ------
        RefusedKeyError
            There is none, it is unknown, or its time is over.
        """
        self._follow()
        scheme, _, given = authorization.partition(" ")
        if not given or scheme.lower() != "bearer":
            raise RefusedKeyError("a valid key is needed; send it as: Authorization: Bearer KEY")
        digest = key_file.digest(given.strip())
        found = None
        for known_digest, entry in self._by_digest.items():  # all of them, in constant time each
            if hmac.compare_digest(digest, known_digest):
                found = entry
        if found is None:
            raise RefusedKeyError("the key is not known here; send a valid one as: Authorization: Bearer KEY")
        known, until = found
        if until is not None and datetime.now(UTC) >= until:
            raise RefusedKeyError(f"the time of this key is over since {until:%Y-%m-%d %H:%M} UTC; ask for a new one")
        return known

    def _follow(self) -> None:
        state = self._state_of_file()
        if state == self._state:
            return
        self._state = state
        if state is None:
            _log.error("the keys file %s is gone: no key is accepted; make it again: ragqa keys add NAME", self._path)
            self._by_digest = {}
            return
        self._asked = True
        try:
            self._take(key_file.read(self._path))
        except UsageError as error:
            _log.error("the keys that were in force before stay so: %s", error)
            return
        _log.info("the keys were read again", extra={"facts": {"keys": self.names}})

    @property
    def names(self) -> list[str]:
        """The names of all keys."""
        return sorted({known.name for known, _ in self._by_digest.values()})

    def _take(self, keys: dict[str, Key]) -> None:
        by_digest: dict[str, tuple[Known, datetime | None]] = {}
        for name, key in keys.items():
            by_digest[key.sha256] = (Known(name, key), key.expires)
            if key.old_sha256:
                by_digest[key.old_sha256] = (Known(name, key), key.old_until)
        self._by_digest = by_digest

    def _state_of_file(self) -> tuple[int, ...] | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - once a request
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)


def open_keys(settings: Security) -> Keys:
    """The keys of the file that the settings name.

    Raises
    ------
    UsageError
        The file cannot be read or is no file of keys; or it is not there though it was named.
    """
    path = key_file.path_of(settings.keys_file)
    if settings.keys_file != key_file.DEFAULT_PATH and not path.exists():
        raise UsageError(f"there is no keys file {path}; make it: ragqa keys add NAME --file {path}")
    return Keys(path)


def check_exposure(host: str, keys: Keys, settings: Security) -> None:
    """Refuse to listen beyond this machine without keys, unless told to.

    Raises
    ------
    UsageError
        ``host`` is not a loopback address, there are no keys, and ``allow_without_keys`` is not set.
    """
    if keys or settings.allow_without_keys or is_loopback(host):
        return
    raise UsageError(
        f"{host!r} can be reached from other machines, and there are no keys; make one: ragqa keys add NAME, "
        "listen on 127.0.0.1, or give --allow-without-keys"
    )


def is_loopback(host: str) -> bool:
    """Whether a server that listens on ``host`` can be reached from this machine only.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
