"""What of a corpus's folder a build keeps: states that an index or a reader needs, and their parts, as far as sound."""

import logging
import os
import secrets
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

from ragqa.corpus.state import PARTS_FOLDER, STATES_FOLDER, CorpusState, CurrentState, state_path
from ragqa.corpus.verify import damaged_of_state
from ragqa.errors import ProductError
from ragqa.manifest import LOCK_FILE, read_json, read_sealed, remove_unfinished, remove_unheld

T = TypeVar("T")
_log = logging.getLogger(__name__)


def read_if_sound(path: Path, kind: type[T]) -> T | None:
    """What a JSON file of a corpus holds; None, and a warning, where it is damaged, so that it is written anew."""
    if not path.exists():
        return None
    try:
        read = read_json if kind is CurrentState else read_sealed
        return read(path, kind, "it is written anew")
    except ProductError as error:
        _log.warning("%s", error)
        return None


def set_aside(path: Path) -> None:
    """Keep a state, whose file is about to be replaced, under another name: readers may hold it.

    Other parts, of sources that were packed or are read otherwise, can hold the same documents, and so give a state of
    the same hash. The next :func:`remove_unneeded` removes what nobody holds.
    """
    if not path.is_file():
        return
    aside = path.with_name(f"{path.stem}-{secrets.token_hex(4)}.json")
    try:
        os.link(path, aside)
    except OSError:  # a file system without links: for a moment there is no state, which readers wait for
        path.rename(aside)


def of_use(folder: Path, pinned: Collection[str], current: CorpusState) -> set[str]:
    """Those of the states that indexes were built from that are whole: a damaged one cannot be made again."""
    sound = {entry.folder for entry in current.parts}
    kept = set()
    for state_hash in pinned:
        path = state_path(folder, state_hash)
        wrong = damaged_of_state(folder, path, sound) if state_hash != current.state_hash and path.is_file() else []
        if wrong:
            _log.warning("%s is damaged and given up; an index of that state is to be updated", wrong[0])
        else:
            kept.add(state_hash)
    return kept


def remove_unneeded(folder: Path, keep: Collection[str]) -> None:
    """Remove the states that nobody needs, and of the parts what no state needs and killed builds left."""
    needed = {LOCK_FILE}
    for path in (folder / STATES_FOLDER).glob("*.json"):
        state = read_if_sound(path, CorpusState)
        if state is None:
            remove_unheld(path)
        elif path.stem in keep or not remove_unheld(path):
            needed |= state.names()
    for holding in (folder, folder / STATES_FOLDER):
        remove_unfinished(holding)
    for path in (folder / PARTS_FOLDER).iterdir():
        if path.name in needed:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
