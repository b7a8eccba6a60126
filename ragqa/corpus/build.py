"""Builds a corpus: each source file becomes a part, then one small file switches to the new state.

``corpora/NAME/`` holds ``parts/``, ``state.json`` and ``manifest.json``; it may hold the user's sources too, which
are never touched. Parts are named by the content of their source and the version of their reader: a build that
was killed goes on with the parts that it finished, and one with nothing changed does nothing. Until the state is
switched, the old one is in force; it is kept as long as somebody reads it or an index was built from it.
"""

import errno
import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ragqa.corpus.blocks import BlockReader
from ragqa.corpus.formats import corpus_format
from ragqa.corpus.kept import of_use, read_if_sound, remove_unneeded, set_aside
from ragqa.corpus.marks import rows_told_of
from ragqa.corpus.mesh import Mesh
from ragqa.corpus.mesh_files import encode_mesh, open_kept_mesh, read_mesh
from ragqa.corpus.nlm_fetch import SOURCES_FOLDER, fetched_mesh, read_fetched
from ragqa.corpus.objects import StoredObject
from ragqa.corpus.part import PartRecord
from ragqa.corpus.reading import Reading, Source
from ragqa.corpus.records import CorpusFormat
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.sources import find_sources
from ragqa.corpus.state import (
    DELETED,
    LIVE,
    MANIFEST_FILE,
    PARTS_FOLDER,
    STATE_FILE,
    SUPERSEDED,
    CorpusState,
    CurrentState,
    PartEntry,
    resolve,
    state_path,
)
from ragqa.errors import BackendError, ProductError, SourceError, UsageError
from ragqa.manifest import (
    Manifest,
    content_hash,
    exclusive,
    file_hash,
    here_and_now,
    write_atomically,
    write_json,
    write_sealed,
)
from ragqa.recipe import to_table
from ragqa.types import Progress, Tasks, no_progress

__all__ = ["CorpusSettings", "build_corpus"]

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HEX = 16


def build_corpus(
    name: str,
    settings: CorpusSettings,
    base: Path,
    folder: Path,
    progress: Progress | None = None,
    *,
    pinned: Callable[[], Collection[str]] = frozenset,
    thorough: bool = True,
    tasks: Tasks | None = None,
) -> Manifest:
    """Build the corpus ``name`` in ``folder``, or bring it up to date.

    The counts of the manifest: ``sources`` maps each file to ``read`` (records of documents in it),
    ``live``, ``superseded`` (by a higher version, or an equal one that came later, be they taken or not), ``deleted``
    (a deletion came later), ``skipped`` (reason → number), ``without_abstract`` (of all but the skipped),
    ``deletions`` (notices), and of the live ones ``retracted``, ``expressions_of_concern``, ``errata`` and
    ``marked_by_notices`` (what their own records do not say of them); ``ignored_keys``; ``total`` adds them up.
    ``read = live + superseded + deleted + skipped`` holds everywhere.

    Parameters
    ----------
    base
        The folder at which relative sources start: that of the recipe.
    folder
        Where the corpus lands, ``corpora/NAME``.
    progress
        Told ``"sources"`` after each file and ``"documents"`` after each batch.
    pinned
        Gives the hashes of states that are kept although they are no longer in force: indexes were built from them.
        Called at the end, since one may be built meanwhile.
    thorough
        Whether parts that are there already are compared with their hashes, and not with their sizes alone; a
        damaged one is read again.
    tasks
        Other machines, which reach the sources and ``folder`` under the same paths, and read the sources; None: this
        process does.

    Raises
    ------
    UsageError
        The format is unknown.
    SourceError
        A source is missing or damaged.
    BackendError
        The disk is full.
    ProductError
        Another build of this corpus is running.
    """
    layout = corpus_format(settings.format)
    sources = _sources(name, settings, base, folder, layout)
    _refuse_equal_names([source.place for source in sources])
    mesh_file = base / Path(settings.mesh).expanduser() if settings.mesh else fetched_mesh(folder / SOURCES_FOLDER)
    if mesh_file is not None and not mesh_file.is_file():
        raise SourceError(
            f"there is no file {mesh_file}, which the recipe names as mesh; give NLM's descYYYY.xml, or leave it out"
        )
    report = progress or no_progress
    started = time.perf_counter()
    with _disk_full_reported(folder):
        (folder / PARTS_FOLDER).mkdir(parents=True, exist_ok=True)
        with exclusive(folder / PARTS_FOLDER, "build"):
            mesh = _keep_mesh(mesh_file, folder / PARTS_FOLDER)
            target = _Target(name, settings, folder, mesh, pinned, thorough)
            if thorough:
                sources = [replace(source, sha256="") for source in sources]
            subset = settings.only.resolved(_kept_mesh(folder / PARTS_FOLDER, mesh) if settings.only.mesh else None)
            reading = Reading(folder / PARTS_FOLDER, settings, thorough, subset)
            parts = reading.parts(sources, report, tasks)
            manifest = _switch_state(target, parts, started)
            reading.forget_all_but(sources)
            return manifest


def _sources(name: str, settings: CorpusSettings, base: Path, folder: Path, layout: CorpusFormat) -> list[Source]:
    """The files that were fetched, their hashes known while they have their sizes, then those of the recipe."""
    found = []
    if settings.fetch:
        fetched = read_fetched(folder / SOURCES_FOLDER)
        if not fetched.files:
            raise SourceError(f"nothing is fetched for the corpus {name!r} yet; run: ragqa corpus fetch {name}")
        for entry in fetched.files:
            path = folder / SOURCES_FOLDER / entry.path
            if not path.is_file():
                raise SourceError(f"{path} was fetched and is gone; run: ragqa corpus fetch {name}")
            found.append(Source(path, entry.sha256 if path.stat().st_size == entry.size_bytes else ""))
    if settings.sources or not settings.fetch:
        found += [Source(place) for place in find_sources(settings.sources, base, layout.patterns)]
    return found


@dataclass(frozen=True, slots=True)
class _Target:
    """What is built, and where."""

    name: str
    settings: CorpusSettings
    folder: Path
    mesh: str
    pinned: Callable[[], Collection[str]]
    thorough: bool


def _switch_state(target: _Target, parts: list[tuple[str, PartRecord]], started: float) -> Manifest:
    """Put the parts in force, unless they are already."""
    seconds = {"parts": round(time.perf_counter() - started, 3)}
    folder = target.folder / PARTS_FOLDER
    rows_folder, fate, marks = resolve(folder, parts, lambda row: _read_id(folder, parts, row))
    contents = [part.content_sha256 for _, part in parts]
    state = CorpusState(
        name=target.name,
        state_hash=content_hash([contents, np.flatnonzero(fate != LIVE).tolist()]),
        parts=tuple(PartEntry(key, part.n_rows, part.content_sha256) for key, part in parts),
        rows_folder=rows_folder,
        n_rows=len(fate),
        n_live=int(np.count_nonzero(fate == LIVE)),
        mesh=target.mesh,
        description=target.settings.description,
    )
    path = state_path(target.folder, state.state_hash)
    path.parent.mkdir(exist_ok=True)
    if read_if_sound(path, CorpusState) != state:
        set_aside(path)
        write_sealed(path, state)
    current = CurrentState(state.state_hash)
    if read_if_sound(target.folder / STATE_FILE, CurrentState) != current:
        write_json(target.folder / STATE_FILE, current)
    seconds["state"] = round(time.perf_counter() - started - seconds["parts"], 3)
    manifest = _manifest(target, parts, (fate, rows_told_of(marks, len(fate))), state.state_hash, seconds)
    written = read_if_sound(target.folder / MANIFEST_FILE, Manifest)
    if written is not None and _same_product(written, manifest):
        manifest = written
    else:
        write_sealed(target.folder / MANIFEST_FILE, manifest)
    pinned = target.pinned()
    if target.thorough:
        pinned = of_use(target.folder, pinned, state)
    remove_unneeded(target.folder, {state.state_hash, *pinned})
    return manifest


def _manifest(
    target: _Target,
    parts: Sequence[tuple[str, PartRecord]],
    rows: tuple[np.ndarray, dict[str, np.ndarray]],
    state_hash: str,
    seconds: dict[str, float],
) -> Manifest:
    counts = {}
    start = 0
    for _, part in parts:
        own = slice(start, start + part.n_rows)
        counts[part.source] = _counts(part, rows[0][own], {name: told[own] for name, told in rows[1].items()})
        start += part.n_rows
    return Manifest(
        kind="corpus",
        name=target.name,
        recipe=to_table(target.settings),
        inputs={part.source: part.source_sha256 for _, part in parts},
        files={f"{PARTS_FOLDER}/{key}/{file}": digest for key, part in parts for file, digest in part.files.items()},
        counts={"sources": counts, "total": _sum(counts.values()), "state_hash": state_hash},
        wall_seconds=seconds,
        **here_and_now(),
    )


def _same_product(one: Manifest, other: Manifest) -> bool:
    # By hash: what was read back has lists where tuples were written.
    first, second = ([m.name, m.recipe, m.inputs, m.files, m.counts] for m in (one, other))
    return content_hash(first) == content_hash(second)


def _counts(part: PartRecord, fate: np.ndarray, told_of: dict[str, np.ndarray]) -> dict[str, Any]:
    return {
        "read": part.n_read,
        "live": int(np.count_nonzero(fate == LIVE)),
        "superseded": int(np.count_nonzero(fate == SUPERSEDED)),
        "deleted": int(np.count_nonzero(fate == DELETED)),
        "skipped": part.skipped,
        "without_abstract": part.n_without_abstract,
        "deletions": part.n_deletions,
        **{name: int(np.count_nonzero(told)) for name, told in told_of.items()},
        "ignored_keys": list(part.ignored_keys),
    }


def _sum(counts: Any) -> dict[str, Any]:
    numbers: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    ignored: set[str] = set()
    for count in counts:
        numbers.update({key: value for key, value in count.items() if isinstance(value, int)})
        skipped.update(count["skipped"])
        ignored.update(count["ignored_keys"])
    return {**numbers, "skipped": dict(skipped), "ignored_keys": sorted(ignored)}


def _read_id(folder: Path, parts: Sequence[tuple[str, PartRecord]], row: int) -> str:
    for key, part in parts:
        if row < part.n_rows:
            with BlockReader(folder / key, "build the corpus again") as reader:
                return reader.read([row])[0].id
        row -= part.n_rows
    raise ProductError(f"row {row} is out of range")


def _refuse_equal_names(places: Sequence[Path | StoredObject]) -> None:
    # A document names its source by file name alone, and so do the counts.
    double = [name for name, n in Counter(place.name for place in places).items() if n > 1]
    if double:
        both = ", ".join(str(place) for place in places if place.name == double[0])
        raise SourceError(f"two sources have the same file name: {both}; rename one of them")


def _keep_mesh(path: Path | None, folder: Path) -> str:
    """The name under which the headings of a file are kept, read only where it is another file than before."""
    if path is None:
        return ""
    prefix = f"mesh-{file_hash(path)[:_HEX]}-"
    for known in folder.glob(f"{prefix}*"):
        if known.name == f"{prefix}{file_hash(known)[:_HEX]}.jsonl":
            return known.name
    kept = encode_mesh(read_mesh(path))
    name = f"{prefix}{hashlib.sha256(kept).hexdigest()[:_HEX]}.jsonl"
    write_atomically(folder / name, kept)
    return name


def _kept_mesh(folder: Path, name: str) -> Mesh | None:
    return open_kept_mesh(folder / name, "run the same command again") if name else None


@contextmanager
def _disk_full_reported(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # pyarrow gives the number in its message only.
        number = error.errno or next((n for n in _DISK_FULL if os.strerror(n) in str(error)), None)
        if number in _DISK_FULL:
            raise BackendError(
                f"no space left for {folder} ({os.strerror(number)}); free some and run the same command again: "
                "it goes on where it stopped, and the corpus built before stays readable"
            ) from error
        if isinstance(error, PermissionError):
            raise UsageError(f"cannot write to {folder}: {error.strerror}; choose another RAGQA_HOME") from error
        raise
