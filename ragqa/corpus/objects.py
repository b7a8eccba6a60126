"""Source files in an object store or on HDFS: found by their addresses, and fetched one at a time to be read.

An object is not read from afar but fetched to this machine's disk first: the name of its part tells the hash of its
content, so that an object changed meanwhile cannot become the part of another.
"""

import contextlib
import fnmatch
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragqa.errors import BackendError, SourceError
from ragqa.scratch import held_folder
from ragqa.stores import check_address, connect, pieces, told

_GLOB_SIGNS = re.compile(r"[*\[]")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A file in a store.

    Attributes
    ----------
    address
        Where it is, as errors show it: ``s3://bucket/folder/name``.
    options
        What follows the address after ``?``, such as ``endpoint_override=…``; "" for nothing.
    size_bytes, changed_ns
        Its size, and when it was put there, in nanoseconds since 1970.
    """

    address: str
    options: str
    size_bytes: int
    changed_ns: int

    @property
    def name(self) -> str:
        """Its file name."""
        return self.address.rpartition("/")[2]

    def __str__(self) -> str:
        return self.address


def find_objects(source: str, patterns: Sequence[str]) -> list[StoredObject]:
    """The objects that an address stands for, in no particular order.

    Parameters
    ----------
    source
        The address of a file, a folder or a glob, in which ``*`` and ``[…]`` stand for signs of a name, and ``**`` for
        any folders. Options follow after ``?``.
    patterns
        Which files of a folder are meant; hidden files never are.

    Raises
    ------
    UsageError
        The store is of no known kind, or the address holds a secret.
    SourceError
        It stands for no file, or the store does not answer or refuses.
    """
    address, _, options = source.partition("?")
    check_address(address)
    glob = _GLOB_SIGNS.search(address)
    root = address[: address.rindex("/", 0, glob.start())] if glob else address.rstrip("/")
    with told(root, "list", SourceError):
        from pyarrow import fs

        store, path = connect(root, options)
        found = store.get_file_info(path)
        if found.type == fs.FileType.File and glob is None:
            return [_object(root, options, found)]
        if found.type != fs.FileType.Directory:
            raise SourceError(f"there is no file or folder {root}; correct 'sources'")
        wanted = address[len(root) + 1 :].split("/") if glob else []
        deep = len(wanted) > 1 or "**" in wanted
        entries = store.get_file_info(fs.FileSelector(path, recursive=deep))
    objects = []
    for entry in entries:
        inside = entry.path[len(path.rstrip("/")) + 1 :]
        parts = inside.split("/")
        meant = _matches(parts, wanted) if wanted else any(fnmatch.fnmatchcase(inside, one) for one in patterns)
        if entry.is_file and meant and not parts[-1].startswith("."):
            objects.append(_object(f"{root}/{inside}", options, entry))
    if not objects:
        expected = "a file of that pattern" if glob else f"a file named {' or '.join(patterns)}"
        raise SourceError(f"{address} has no file to read; expected {expected}")
    return objects


@contextlib.contextmanager
def fetched(stored: StoredObject) -> Iterator[tuple[Path, str]]:
    """A copy of an object on this machine's disk, under its own name, and its sha256, as long as the block runs.

    Raises
    ------
    SourceError
        It is gone, has changed since it was listed, or the store breaks off.
    BackendError
        The disk of this machine is full.
    """
    with held_folder("sources") as folder:
        path, digest, n_bytes = folder / stored.name, hashlib.sha256(), 0
        for piece in pieces(stored.address, stored.options, SourceError):
            try:
                with path.open("ab") as file:
                    file.write(piece)
            except OSError as error:
                raise BackendError(
                    f"cannot keep {stored.address} in {folder} while it is read ({error.strerror}); free some disk, or "
                    "let TMPDIR name a folder with more, and run the same command again: what is finished is kept"
                ) from error
            digest.update(piece)
            n_bytes += len(piece)
        if n_bytes != stored.size_bytes:
            raise SourceError(
                f"{stored.address} had {stored.size_bytes:,} bytes when it was listed, and {n_bytes:,} came; run the "
                "same command again: what is finished is kept"
            )
        path.touch()
        yield path, digest.hexdigest()


def _object(address: str, options: str, entry: Any) -> StoredObject:
    return StoredObject(address, options, int(entry.size), int(entry.mtime_ns or 0))


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether names of folders and of a file are those of a pattern, in which ``**`` is any number of folders.

    >>> _matches(["a", "b", "n1.xml"], ["**", "*.xml"]), _matches(["a", "n1.xml"], ["*.xml"])
    (True, False)
    """
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])
