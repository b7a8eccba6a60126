"""Bearer keys: where they come from, and how a request's key is compared with them."""

import hashlib
import hmac
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from ragqa.errors import UsageError
from ragqa.serve.settings import Security

MIN_KEY_CHARACTERS = 16


class Keys:
    """The keys that a server accepts. Without any, everybody is let in.

    Only hashes are kept, and every one of them is compared in constant time, so that neither the time of a
    refusal nor a memory dump of this object gives a key away.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def name_of(self, authorization: str) -> str | None:
        """The log name (8 hex digits) of the key in an ``Authorization`` header; None where it is not accepted.

        >>> keys = Keys(["a-key-of-sixteen-signs"])
        >>> keys.name_of("Bearer a-key-of-sixteen-signs") is not None
        True
        >>> keys.name_of("Bearer another-key") is None
        True
        """
        scheme, _, key = authorization.partition(" ")
        given = _digest(key.strip())
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]
        return given.hex()[:8] if any(matches) and scheme.lower() == "bearer" else None


def read_keys(settings: Security) -> Keys:
    """The keys of the file and the environment variable that the settings name.

    Raises
    ------
    UsageError
        The file cannot be read or has no key in it, or a key is too short to be safe.
    """
    keys = os.environ.get(settings.keys_variable, "").replace(",", " ").split() if settings.keys_variable else []
    if settings.keys_file:
        keys += _keys_in(Path(settings.keys_file))
    for key in keys:
        if len(key) < MIN_KEY_CHARACTERS:
            raise UsageError(
                f"a key has {len(key)} characters; at least {MIN_KEY_CHARACTERS} are needed; make one with: "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
    return Keys(keys)


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
        f"{host!r} can be reached from other machines, and there are no keys; set security.keys_file or "
        f"{settings.keys_variable or 'a keys variable'}, listen on 127.0.0.1, or give --allow-without-keys"
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


def _keys_in(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the keys file {path}: {error}; give a text file with one key a line") from error
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys:
        raise UsageError(f"the keys file {path} has no key in it; write one key a line")
    return keys


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
