"""The watched items as small files in the home, each written whole or not at all."""

import datetime
import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ragqa.errors import ProductError, UsageError
from ragqa.manifest import content_hash, read_json, write_json
from ragqa.watch import folders
from ragqa.watch.types import Finding, Item

_SHORTEST_PREFIX = 4


def now() -> str:
    """The time in UTC with microseconds; later times sort later."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def item_id(index: str, kind: str, findings: Sequence[Finding], owner: str = "") -> str:
    """The id of an item: the same for the same questions or claims of the same index and owner."""
    parts = [index, kind, [finding.subject for finding in findings], *([owner] if owner else [])]
    return content_hash(parts)[:12]


def save(item: Item) -> Item:
    """Write an item; as written."""
    stamped = replace(item, written=now())
    folders.items_folder().mkdir(parents=True, exist_ok=True)
    write_json(folders.items_folder() / f"{item.id}.json", stamped)
    return stamped


def add(item: Item, most: int | None = None) -> Item:
    """Write a new item; as written. ``most`` is how many its owner may have; None for any number.

    Raises
    ------
    UsageError
        As :func:`check_room`.
    """
    folder = folders.items_folder()
    folder.mkdir(parents=True, exist_ok=True)
    if most is None:
        return save(item)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # two at once would both find room for one
        check_room(item.owner, most)
        return save(item)
    finally:
        os.close(descriptor)


def check_room(owner: str, most: int) -> None:
    """Refuse one more item of an owner who may have ``most``.

    Raises
    ------
    UsageError
        There are as many.
    """
    if len(read_all(owner=owner)) >= most:
        raise UsageError(f"this key has {most} things watched already; end one of them first")


def exists(one_id: str) -> bool:
    """Whether an item of this id is watched."""
    return (folders.items_folder() / f"{one_id}.json").is_file()


def read_all(index: str | None = None, owner: str | None = None) -> list[Item]:
    """The items, of one index or of all, of one owner or of all, in the order of their ids.

    Raises
    ------
    ProductError
        A file is damaged.
    """
    return [
        item for item in _read() if (index is None or item.index == index) and (owner is None or item.owner == owner)
    ]


def remove(name: str, owner: str | None = None) -> Item:
    """Stop watching the item with an id, or the beginning of one (four signs or more); of an owner only their own.

    Raises
    ------
    UsageError
        There is none, or several begin so.
    """
    found = [
        item
        for item in read_all(owner=owner)
        if item.id == name or (len(name) >= _SHORTEST_PREFIX and item.id.startswith(name))
    ]
    if len(found) != 1:
        why = "several items begin so" if found else "nothing that is watched has this id"
        raise UsageError(f"cannot remove {name!r}: {why}; list the ids with: ragqa watch list")
    (folders.items_folder() / f"{found[0].id}.json").unlink(missing_ok=True)
    return found[0]


def _read() -> Iterator[Item]:
    folder = folders.items_folder()
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            yield read_json(path, Item, "remove that file and add what it watched again: ragqa watch add")
        except ProductError:
            if path.exists():  # else removed meanwhile
                raise
