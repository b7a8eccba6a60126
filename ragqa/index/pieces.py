"""Segments made by many machines: each writes pieces of some rows, and one puts the pieces of a segment together.

Pieces lie in ``.pieces/`` of the folder of an index, which all machines reach under the same path, and are removed when
the index is complete. A piece is named by what it is made from, appears when it is finished, and is not made again
while it has its hashes: a machine that is lost costs what it was at, and a build that was stopped goes on.
"""

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragqa import manifest
from ragqa.corpus.store import DocumentStore
from ragqa.errors import ProductError
from ragqa.index.segments import Placed, Span, link_or_copy, segment_name
from ragqa.types import Progress, Tasks, no_progress

PIECES_FOLDER = ".pieces"
_RECORD = "piece.json"
_BUILDING = ".building"
_AT_LEAST, _AT_MOST, _USUALLY = 1024, 262_144, 16
"""Rows of a piece at least and at most, and how many pieces a segment has in between."""

Rows = tuple[int, int]
Write = Callable[[DocumentStore, Rows, Path], None]
"""Makes a piece in a folder from the live documents of rows ``first ≤ row < end``."""

Join = Callable[[Sequence[Placed], int, Path], None]
"""Puts pieces of consecutive rows together in a folder; the number is their first row."""


@dataclass(frozen=True, slots=True)
class Making:
    """How the pieces of one kind of segment are made, by functions of modules: they are sent to other machines.

    Attributes
    ----------
    kind, form
        Those of the segments.
    write, join
        Make a piece, and one of several.
    """

    kind: str
    form: str
    write: Write
    join: Join


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of a state of a corpus, and the folder where what is made of them lands."""

    target: Path
    rows: Rows


class Pieces:
    """Makes segments by tasks on other machines."""

    def __init__(self, folder: Path, store: DocumentStore, tasks: Tasks) -> None:
        self._folder = folder / PIECES_FOLDER
        self._store = store
        self._tasks = tasks
        self._folder.mkdir(exist_ok=True)
        for path in self._folder.glob(f"*{_BUILDING}"):
            shutil.rmtree(path, ignore_errors=True)

    def make(self, making: Making, spans: Sequence[Span], progress: Progress | None) -> None:
        """Make all that :meth:`take` is to take; ``progress`` is told of documents, and of segments put together."""
        report = progress or no_progress
        several = {self._whole(making, span): own for span in spans if len(own := self._pieces(making, span)) > 1}
        alone = [own[0] for span in spans if len(own := self._pieces(making, span)) == 1]
        pieces = [piece for whole, own in several.items() if not whole.target.is_dir() for piece in own] + alone
        calls = [(piece, self._store.folder, self._store.state_hash, making.write) for piece in pieces]
        n_documents = sum(self._n_live(piece.rows) for piece in pieces)
        n_done = 0
        for place, _ in self._tasks(write_piece, calls):
            n_done += self._n_live(pieces[place].rows)
            report(making.kind, n_done, n_documents)
        joins = [(whole, own, making.join) for whole, own in several.items()]
        stage = f"{making.kind}: put pieces together"
        for n_joined, _ in enumerate(self._tasks(join_pieces, joins) if joins else (), start=1):
            report(stage, n_joined, len(joins))

    def take(self, making: Making, span: Span, folder: Path) -> None:
        """Put the files of a segment that was made into ``folder``, and keep what they were taken from till the end."""
        own = self._pieces(making, span)
        source = own[0].target if len(own) == 1 else self._whole(making, span).target
        without = shutil.ignore_patterns(_RECORD)
        shutil.copytree(source, folder, ignore=without, copy_function=link_or_copy, dirs_exist_ok=True)

    def _pieces(self, making: Making, span: Span) -> list[Piece]:
        """The pieces of a segment: the same whatever machines there are."""
        n_rows = span.end_row - span.first_row
        size = min(max(-(-n_rows // _USUALLY), _AT_LEAST), _AT_MOST)
        name = self._name(making, span)
        starts = range(span.first_row, span.end_row, size) if n_rows else [span.first_row]
        return [
            Piece(self._folder / f"{name}-{start - span.first_row}", (start, min(start + size, span.end_row)))
            for start in starts
        ]

    def _whole(self, making: Making, span: Span) -> Piece:
        return Piece(self._folder / self._name(making, span), (span.first_row, span.end_row))

    def _name(self, making: Making, span: Span) -> str:
        parts = self._store.parts[span.first_part : span.end_part]
        return segment_name(making.kind, making.form, parts, self._store.dead_rows()[span.first_row : span.end_row])

    def _n_live(self, rows: Rows) -> int:
        return int((~self._store.dead_rows()[rows[0] : rows[1]]).sum())


def write_piece(piece: Piece, corpus: Path, state_hash: str, write: Write) -> None:
    """Make a piece of a state of the corpus in a folder, unless it is there."""
    if _is_sound(piece.target):
        return
    with _growing(piece.target) as building, DocumentStore.open(corpus, state_hash) as store:
        write(store, piece.rows, building)


def join_pieces(whole: Piece, pieces: Sequence[Piece], join: Join) -> None:
    """Make one piece of several, which are then removed, unless it is there.

    Raises
    ------
    ProductError
        One of them is missing or damaged.
    """
    if _is_sound(whole.target):
        return
    damaged = [piece.target for piece in pieces if not _is_sound(piece.target)]
    if damaged:
        raise ProductError(f"{damaged[0]} is missing or damaged; run the same command again: it is made anew")
    nothing_dead = (np.zeros(piece.rows[1] - piece.rows[0], dtype=bool) for piece in pieces)
    placed = [Placed(piece.target, piece.rows[0], dead) for piece, dead in zip(pieces, nothing_dead, strict=True)]
    with _growing(whole.target) as building:
        join(placed, whole.rows[0], building)
    for piece in pieces:
        shutil.rmtree(piece.target, ignore_errors=True)


def remove_pieces(folder: Path) -> None:
    """Remove what is left of the pieces of the index in ``folder``."""
    shutil.rmtree(folder / PIECES_FOLDER, ignore_errors=True)


@contextlib.contextmanager
def _growing(target: Path) -> Iterator[Path]:
    """A folder of its own that becomes ``target`` at the end, unless another process was faster."""
    building = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}{_BUILDING}")
    building.mkdir(parents=True)
    try:
        yield building
        manifest.write_json(building / _RECORD, manifest.hash_files(building))
        try:
            building.rename(target)
        except OSError:
            if not _is_sound(target):
                raise
        manifest.sync_folder(target.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _is_sound(target: Path) -> bool:
    """Whether a piece is there; one that is damaged is removed."""
    if not target.is_dir():
        return False
    try:
        hashes = manifest.read_json(target / _RECORD, dict[str, str], "it is made anew")
    except ProductError:
        hashes = None
    if hashes is None or manifest.verify_files(target, hashes):
        shutil.rmtree(target, ignore_errors=True)
        return False
    return True
