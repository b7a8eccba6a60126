"""Which rows of a corpus are new to an item: those of parts that its state did not have.

A part never changes, so a state is kept as the hashes of its parts' contents: a few bytes, while the state itself may
be gone long since.
"""

from collections.abc import Iterable

import numpy as np

from ragqa.corpus.store import DocumentStore
from ragqa.manifest import read_json, write_json
from ragqa.watch import folders
from ragqa.watch.types import Item

_REMEDY = "remove that file: the items are then asked again"


def remember(store: DocumentStore) -> None:
    """Keep what the state of a store consists of."""
    path = folders.states_folder() / f"{store.state_hash}.json"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, [part.content_sha256 for part in store.parts])


def settle(index: str, began: str, store: DocumentStore) -> None:
    """Keep that every item of an index that was written before ``began`` holds in the state of the store."""
    remember(store)
    folders.watch_folder().mkdir(parents=True, exist_ok=True)
    write_json(folders.watch_folder() / "settled.json", {**_settled(), index: f"{began} {store.state_hash}"})


def states_of(items: Iterable[Item]) -> dict[str, str]:
    """Id → the state that an item holds in: that of its last asking, or of the last run that settled it."""
    settled = _settled()
    states = {}
    for item in items:
        began, _, state = settled.get(item.index, "").partition(" ")
        states[item.id] = state if item.state and state and item.written <= began else item.state
    return states


def new_rows(store: DocumentStore, state: str) -> np.ndarray:
    """The live rows of parts that an earlier state did not have: bool [n_rows]. All are new to an unknown state."""
    path = folders.states_folder() / f"{state}.json"
    known = set(read_json(path, list[str], _REMEDY)) if state and path.is_file() else set()
    parts = store.parts
    fresh = np.repeat([part.content_sha256 not in known for part in parts], [part.n_rows for part in parts])
    return fresh.astype(bool) & ~store.dead_rows() if len(fresh) else np.zeros(0, dtype=bool)


def prune(items: Iterable[Item]) -> None:
    """Remove the states that no item and no settlement names."""
    named = {item.state for item in items} | {entry.partition(" ")[2] for entry in _settled().values()}
    for path in folders.states_folder().glob("*.json") if folders.states_folder().is_dir() else ():
        if path.stem not in named:
            path.unlink(missing_ok=True)


def _settled() -> dict[str, str]:
    path = folders.watch_folder() / "settled.json"
    return read_json(path, dict[str, str], _REMEDY) if path.is_file() else {}
