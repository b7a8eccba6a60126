"""TREC run files and relevance judgements (qrels), as trec_eval, ir_measures and BEIR read and write them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.tasks.formats.read import listed, read_lines
from ragqa.manifest import write_atomically


def write_run(path: Path, run: Mapping[str, Sequence[tuple[str, float]]], tag: str = "ragqa") -> int:
    """Write ranked lists as a TREC run.

    trec_eval sorts a run by score in single precision and ignores the ranks, so a score that is not below the
    one before it is written as the next smaller single-precision number: the order that is read is the order
    that was written, and all other scores stand as they are.

    Parameters
    ----------
    run
        Query id → (document id, score), best first.
    tag
        The name of the run, without white space.

    Returns
    -------
    int
        How many scores had to be lowered.

    Raises
    ------
    UsageError
        An id or the tag has white space, which the format cannot hold, a score is not finite, or a document
        occurs twice in a list.
    """
    spaced = [name for name in [tag, *run, *(d for hits in run.values() for d, _ in hits)] if len(name.split()) != 1]
    if spaced:
        raise UsageError(
            f"a TREC run cannot hold ids with white space or none at all: {listed([repr(s) for s in spaced])}"
        )
    lines, n_lowered = [], 0
    for query, hits in run.items():
        if len({document for document, _ in hits}) != len(hits):
            raise UsageError(f"query {query!r} lists a document more than once; a run names each once")
        last = np.float32(np.inf)
        for rank, (document, score) in enumerate(hits, start=1):
            if not np.isfinite(score):
                raise UsageError(f"query {query!r}: the score {score} of {document!r} is not a finite number")
            written: float = score
            if np.float32(score) >= last:
                written = float(np.nextafter(last, np.float32(-np.inf)))
                n_lowered += 1
            last = np.float32(written)
            lines.append(f"{query} Q0 {document} {rank} {written!r} {tag}\n")
    write_atomically(path, "".join(lines).encode())
    return n_lowered


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """Read a TREC run: query id → document id → score.

    Raises
    ------
    SourceError
        The file is missing or empty, a line has not six columns or no number as score, or a query names a
        document twice.
    """
    run: dict[str, dict[str, float]] = {}
    for number, line in read_lines(path):
        columns = line.split()
        if len(columns) != 6:
            raise SourceError(
                f"{path}, line {number}: {len(columns)} columns; a run has six: query Q0 document rank score tag"
            )
        query, _, document, _, score, _ = columns
        hits = run.setdefault(query, {})
        if document in hits:
            raise SourceError(f"{path}, line {number}: query {query!r} names the document {document!r} again")
        hits[document] = _score(score, f"{path}, line {number}")
    return run


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read relevance judgements: query id → document id → grade.

    Both forms are understood: TREC's four columns (query, iteration, document, grade) and BEIR's three
    (query-id, corpus-id, score) with their heading.

    Raises
    ------
    SourceError
        The file is missing or empty, a line is malformed, or a pair is judged twice with different grades.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, line in read_lines(path):
        columns = line.split("\t") if "\t" in line else line.split()
        if number == 1 and columns[0].strip().lower() in ("query-id", "query_id", "q_id"):
            continue
        if len(columns) not in (3, 4):
            swapped = ". Six columns are those of a run: were the two files swapped?" if len(columns) == 6 else ""
            raise SourceError(
                f"{path}, line {number}: {len(columns)} columns; qrels have three (BEIR) or four (TREC){swapped}"
            )
        add_judgement(qrels, columns[0].strip(), columns[-2].strip(), columns[-1].strip(), f"{path}, line {number}")
    if not qrels:
        raise SourceError(f"{path} has a heading but no judgements; fetch it again")
    return qrels


def add_judgement(qrels: dict[str, dict[str, int]], query: str, document: str, grade: object, where: str) -> None:
    """Add one judgement; raises :class:`SourceError` for a grade that is no whole number or contradicts another."""
    try:
        number = float(str(grade))
        whole = int(number)
    except (ValueError, OverflowError):
        number, whole = 0.5, 0
    if whole != number:
        raise SourceError(f"{where}: the grade {grade!r} is not a whole number")
    judged = qrels.setdefault(query, {})
    if judged.setdefault(document, whole) != whole:
        raise SourceError(f"{where}: query {query!r} judges {document!r} as {judged[document]} and as {whole}")


def _score(text: str, where: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = float("nan")
    if not np.isfinite(score):
        raise SourceError(f"{where}: the score {text!r} is not a finite number")
    return score
