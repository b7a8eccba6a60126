"""Compares a built corpus with the hashes that it carries, file by file."""

from pathlib import Path

import numpy as np

from ragqa.corpus.part import RECORD_FILE, read_part_record
from ragqa.corpus.state import PARTS_FOLDER, STATE_FILE, CorpusState, CurrentState, dead_rows, state_path
from ragqa.errors import ProductError
from ragqa.manifest import content_hash, file_hash, hash_files, read_json, verify_files

_HEX = 16


def damaged_files(folder: Path) -> list[str]:
    """Files of the state in force that are missing or differ from their hashes, as paths within ``folder``."""
    try:
        current = read_json(folder / STATE_FILE, CurrentState, "")
        path = state_path(folder, current.state_hash)
    except ProductError:
        return [STATE_FILE]
    try:
        state = read_json(path, CorpusState, "")
    except ProductError:
        return [path.relative_to(folder).as_posix()]
    wrong = []
    for entry in state.parts:
        part = folder / PARTS_FOLDER / entry.folder
        try:
            record = read_part_record(part, "")
        except ProductError:
            wrong.append(f"{PARTS_FOLDER}/{entry.folder}")
            continue
        if (record.n_rows, record.content_sha256) != (entry.n_rows, entry.content_sha256):
            wrong.append(f"{PARTS_FOLDER}/{entry.folder}/{RECORD_FILE}")
        wrong += [f"{PARTS_FOLDER}/{entry.folder}/{name}" for name in verify_files(part, record.files)]
    if _hash_of(folder, state) != state.state_hash:
        wrong.append(path.relative_to(folder).as_posix())
    # These are named by their content.
    rows = folder / PARTS_FOLDER / state.rows_folder
    if not rows.is_dir() or state.rows_folder != f"state-{content_hash(hash_files(rows))[:_HEX]}":
        wrong.append(f"{PARTS_FOLDER}/{state.rows_folder}")
    if state.mesh_tree:
        tree = folder / PARTS_FOLDER / state.mesh_tree
        if not tree.is_file() or file_hash(tree)[:_HEX] not in tree.name:
            wrong.append(f"{PARTS_FOLDER}/{state.mesh_tree}")
    return wrong


def _hash_of(folder: Path, state: CorpusState) -> str:
    """The hash that the state has by its parts and dead rows; "" where those cannot be read."""
    try:
        dead = dead_rows(folder / PARTS_FOLDER / state.rows_folder, state.n_rows, "")
    except ProductError:
        return ""
    contents = [entry.content_sha256 for entry in state.parts]
    return content_hash([contents, np.flatnonzero(dead).tolist()])
