"""Compares a built corpus with the hashes that it carries, file by file."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from ragqa.corpus.part import RECORD_FILE, read_part_record
from ragqa.corpus.state import (
    MANIFEST_FILE,
    PARTS_FOLDER,
    STATE_FILE,
    STATES_FOLDER,
    CorpusState,
    CurrentState,
    dead_rows,
    state_path,
)
from ragqa.errors import ProductError
from ragqa.manifest import Manifest, content_hash, file_hash, hash_files, read_json, read_sealed, verify_files

_HEX = 16


def damaged_files(folder: Path) -> list[str]:
    """Files that are missing or differ from their hashes, as paths within ``folder``.

    Besides those of the state in force, those of the states that are kept for indexes and readers.
    """
    wrong = []
    try:
        current = state_path(folder, read_json(folder / STATE_FILE, CurrentState, "").state_hash)
        if not current.is_file():
            wrong.append(current.relative_to(folder).as_posix())
    except ProductError:
        wrong.append(STATE_FILE)
    try:
        read_sealed(folder / MANIFEST_FILE, Manifest, "")
    except ProductError:
        wrong.append(MANIFEST_FILE)
    for path in sorted((folder / STATES_FOLDER).glob("*.json")):
        wrong += damaged_of_state(folder, path)
    return list(dict.fromkeys(wrong))


def damaged_of_state(folder: Path, path: Path, sound: Collection[str] = ()) -> list[str]:
    """The damaged files of the state at ``path``, those of the parts ``sound`` not looked at again."""
    own = path.relative_to(folder).as_posix()
    try:
        state = read_sealed(path, CorpusState, "")
    except ProductError:
        return [own]
    wrong = []
    for entry in state.parts:
        if entry.folder in sound:
            continue
        part = folder / PARTS_FOLDER / entry.folder
        try:
            record = read_part_record(part, "")
        except ProductError:
            wrong.append(f"{PARTS_FOLDER}/{entry.folder}")
            continue
        if (record.n_rows, record.content_sha256) != (entry.n_rows, entry.content_sha256):
            wrong.append(f"{PARTS_FOLDER}/{entry.folder}/{RECORD_FILE}")
        wrong += [f"{PARTS_FOLDER}/{entry.folder}/{name}" for name in verify_files(part, record.files)]
    # These are named by their content.
    rows = folder / PARTS_FOLDER / state.rows_folder
    if not rows.is_dir() or state.rows_folder != f"state-{content_hash(hash_files(rows))[:_HEX]}":
        wrong.append(f"{PARTS_FOLDER}/{state.rows_folder}")
    elif not _hash_of(folder, state) == state.state_hash == path.stem.partition("-")[0]:
        wrong.append(own)
    if state.mesh:
        mesh = folder / PARTS_FOLDER / state.mesh
        if not mesh.is_file() or file_hash(mesh)[:_HEX] not in mesh.name:
            wrong.append(f"{PARTS_FOLDER}/{state.mesh}")
    return wrong


def _hash_of(folder: Path, state: CorpusState) -> str:
    """The hash that the state has by its parts and dead rows; "" where those cannot be read."""
    try:
        dead = dead_rows(folder / PARTS_FOLDER / state.rows_folder, state.n_rows, "")
    except ProductError:
        return ""
    contents = [entry.content_sha256 for entry in state.parts]
    return content_hash([contents, np.flatnonzero(dead).tolist()])
