"""Segments: the immutable folders of which an index consists, each made from consecutive parts of a corpus.

A segment holds the documents of its rows that were live when it was built. When the corpus changes, those that died
since are masked, and new parts get a segment of their own; :func:`plan` tells which segments of before still serve and
what is to be built. Small segments are merged with their neighbours (:func:`to_merge`), so that there are few, and
every document is merged only a few times while a corpus grows.
"""

import hashlib
import io
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ragqa import manifest
from ragqa.corpus.arrays import load_array
from ragqa.corpus.state import PartEntry
from ragqa.errors import ProductError

SEGMENT_FILE, LEFT_OUT_FILE = "segment.json", "left_out.npy"

Rows = np.ndarray

MANY = 8
"""Segments from which on an update merges."""

_DEAD_SHARE = 0.3
"""A segment with more dead documents than this is written anew when an update merges."""


@dataclass(frozen=True, slots=True)
class Segment:
    """``segment.json``: written last, so that a segment with it is complete.

    Attributes
    ----------
    form
        Hash of the settings that it was built with.
    parts
        Content hashes of the parts that it covers, in order.
    n_rows
        Rows of these parts, dead ones included.
    n_documents
        Documents that were live when it was built.
    files, sizes
        Name → sha256 and name → bytes of its files.
    """

    form: str
    parts: tuple[str, ...]
    n_rows: int
    n_documents: int
    files: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """A segment at its place in a state of the corpus.

    Attributes
    ----------
    folder
        Where it is.
    first_row
        The corpus's row that is row 0 of the segment.
    dead
        bool [n_rows]: which of its rows are dead in this state.
    remedy
        The next step where its files turn out damaged.
    """

    folder: Path
    first_row: int
    dead: np.ndarray
    remedy: str = "build the index again: ragqa index build NAME"


def checked_bytes(segment: Placed, name: str) -> bytes:
    """The content of a file of a segment that is read whole when it is opened, compared with its hash.

    Raises
    ------
    ProductError
        It is missing or damaged.
    """
    path = segment.folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProductError(f"{path} is missing ({error.strerror}); {segment.remedy}") from error
    record = segment.folder / SEGMENT_FILE
    if record.is_file():
        expected = manifest.read_sealed(record, Segment, segment.remedy).files.get(name)
        if hashlib.sha256(data).hexdigest() != expected:
            raise ProductError(f"{path} is damaged: it differs from its hash; {segment.remedy}")
    return data


def checked_array(segment: Placed, name: str) -> np.ndarray:
    """An array of a segment whose damage would make one document pass for another: see :func:`checked_bytes`."""
    return load_array(io.BytesIO(checked_bytes(segment, name)), segment.folder / name, segment.remedy)


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive parts ``first_part ≤ i < end_part`` of a state and their rows ``first_row ≤ row < end_row``.

    ``folder`` is the name of the segment that covers them; "" where one is to be built.
    """

    first_part: int
    end_part: int
    first_row: int
    end_row: int
    folder: str = ""


def plan(available: dict[str, tuple[Segment, np.ndarray]], parts: Sequence[PartEntry], dead: np.ndarray) -> list[Span]:
    """How the parts of a state are covered, in order: with as few and as large segments of ``available`` as fit.

    Parameters
    ----------
    available
        Folder name → the segment and the rows of its range that it lacks (int [n], from its first row on).
    parts
        The parts of the state.
    dead
        bool [n_rows]: the rows that are dead in the state.
    """
    contents = tuple(part.content_sha256 for part in parts)
    starts = np.cumsum([0, *(part.n_rows for part in parts)])
    by_first: dict[str, list[str]] = {}
    for name, (segment, _) in available.items():
        if segment.parts:
            by_first.setdefault(segment.parts[0], []).append(name)
    spans: list[Span] = []
    pending = place = 0

    def build_pending(end: int) -> None:
        if end > pending:
            spans.append(Span(pending, end, int(starts[pending]), int(starts[end])))

    while place < len(parts):
        fitting = []
        for name in by_first.get(contents[place], []):
            segment, left_out = available[name]
            end = place + len(segment.parts)
            # What the segment lacks must be dead still: a deletion may have been taken back.
            if contents[place:end] == segment.parts and dead[starts[place] + left_out].all():
                fitting.append((end, segment.n_rows - len(left_out), name))
        if not fitting:
            place += 1
            continue
        # Of equally long ones the one with the fewest dead documents.
        end, _, name = min(fitting, key=lambda found: (-found[0], found[1], found[2]))
        build_pending(place)
        spans.append(Span(place, end, int(starts[place]), int(starts[end]), name))
        pending = place = end
    build_pending(len(parts))
    return spans


def most_rows(n_rows: int, n_segments: int) -> float:
    """The most rows of a segment where there are to be ``n_segments`` of about equal size."""
    return math.inf if n_segments == 1 else 1.5 * n_rows / n_segments


def divided(spans: Sequence[Span], parts: Sequence[PartEntry], n_segments: int) -> list[Span]:
    """The spans, those that are to be built cut between parts into ``n_segments`` for all rows, as equal as parts are.

    >>> parts = [PartEntry(f"part{i}", 10, f"{i}") for i in range(4)]
    >>> [(span.first_row, span.end_row) for span in divided([Span(0, 4, 0, 40)], parts, 2)]
    [(0, 20), (20, 40)]
    """
    n_rows = sum(part.n_rows for part in parts)
    found: list[Span] = []
    for span in spans:
        if span.folder or n_segments == 1:
            found.append(span)
            continue
        first_part, first_row = span.first_part, span.first_row
        row = first_row
        for place in range(span.first_part, span.end_part):
            row += parts[place].n_rows
            # A cut where the next multiple of an equal share lies within the part, or at its end.
            if place + 1 == span.end_part or row * n_segments // n_rows > first_row * n_segments // n_rows:
                found.append(Span(first_part, place + 1, first_row, row))
                first_part, first_row = place + 1, row
    return found


def to_merge(
    spans: Sequence[Span],
    dead: np.ndarray,
    held: Sequence[int],
    *,
    everything: bool = False,
    n_segments: int = 1,
) -> list[Span]:
    """The spans after merging: neighbours put together, and segments with many dead documents alone, marked to build.

    Parameters
    ----------
    spans
        The segments of a state, in order.
    dead
        bool [n_rows]: the rows that are dead in the state.
    held
        How many documents each segment holds, dead ones included.
    everything
        Whether to make one segment of all, without dead documents, however many there are.
    n_segments
        How many large ones there are to be.
    """
    live = [int((~dead[span.first_row : span.end_row]).sum()) for span in spans]
    if everything:
        whole = len(spans) == 1 and held[0] == live[0]
        return list(spans) if whole or not spans else [_joined(spans)]
    many, most = MANY + n_segments - 1, most_rows(len(dead), n_segments)
    if len(spans) <= many:
        return list(spans)
    # From the end on, neighbours of about the same size: each document is then merged once for every doubling.
    first, size = len(spans) - 1, live[-1]
    while (
        first > 0
        and (live[first - 1] <= 2 * size or first > many - MANY // 2)
        and spans[-1].end_row - spans[first - 1].first_row <= most
    ):
        first -= 1
        size += live[first]
    merged = [
        span if n_held == 0 or (n_held - n_live) / n_held <= _DEAD_SHARE else _joined([span])
        for span, n_held, n_live in zip(spans[:first], held, live, strict=False)
    ]
    return [*merged, _joined(spans[first:])]


def _joined(spans: Sequence[Span]) -> Span:
    return Span(spans[0].first_part, spans[-1].end_part, spans[0].first_row, spans[-1].end_row)


def finish(folder: Path, form: str, parts: Sequence[PartEntry], dead: np.ndarray) -> Segment:
    """Write the record of a segment, whose other files are complete, and make all of them durable."""
    np.save(folder / LEFT_OUT_FILE, np.flatnonzero(dead).astype(np.int64))
    manifest.sync_tree(folder)
    files = manifest.hash_files(folder)
    segment = Segment(
        form=form,
        parts=tuple(part.content_sha256 for part in parts),
        n_rows=len(dead),
        n_documents=int((~dead).sum()),
        files=files,
        sizes={name: (folder / name).stat().st_size for name in files},
    )
    manifest.write_sealed(folder / SEGMENT_FILE, segment)
    return segment


def read_segment(folder: Path, remedy: str, *, thorough: bool = False) -> tuple[Segment, np.ndarray]:
    """The record of a segment and the rows of its range that it lacks.

    Parameters
    ----------
    thorough
        Whether to compare the hash of every file, and not its size alone.

    Raises
    ------
    ProductError
        A file is missing or damaged.
    """
    segment = manifest.read_sealed(folder / SEGMENT_FILE, Segment, remedy)
    for name, size in segment.sizes.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise ProductError(f"{path} is missing or was cut off; {remedy}")
    if thorough and (wrong := manifest.verify_files(folder, segment.files)):
        raise ProductError(f"{folder / wrong[0]} is damaged; {remedy}")
    left_out = load_array(folder / LEFT_OUT_FILE, folder / LEFT_OUT_FILE, remedy)
    return segment, left_out


def segment_name(kind: str, form: str, parts: Sequence[PartEntry], dead: np.ndarray) -> str:
    """The folder of the segment of some parts: the same content has the same name wherever it is built."""
    contents = [part.content_sha256 for part in parts]
    return f"{kind}-{manifest.content_hash([form, contents, np.flatnonzero(dead).tolist()])[:16]}"


def link_or_copy(source: str, target: str) -> None:
    """Give a file that nothing ever changes a second place; copied where the disk cannot link."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
