"""BioASQ phase A, snippets: character overlap as the official program measures it (version 9).

The length of a snippet is end − begin + 1. Snippets of one document and section that overlap are merged first,
in the submission and in the gold. Precision is the overlap by the length submitted, recall by the length of the
gold; the mean of F1 over the questions is the official measure since year 9.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragqa.evaluate.measures.bioasq.common import f1, paired
from ragqa.evaluate.measures.bioasq.documents import EPSILON, exponential, geometric_mean
from ragqa.evaluate.measures.bioasq.question import MAX_SNIPPETS, BioasqQuestion, BioasqSnippet, document_id, pmid_url
from ragqa.evaluate.measures.measure import Declaration, Measure, Scores, mean_measure

_PADDED, _SUBMITTED = "questions with gold snippets", "submitted questions with gold snippets"
DECLARATIONS = (
    Declaration("snippet_*", denominator=_PADDED),
    Declaration("official_snippet_*", denominator=_SUBMITTED),
    Declaration("official_snippet_map", high=math.inf, denominator=_SUBMITTED),
    Declaration("official_snippet_gmap", low=EPSILON, high=math.inf, denominator=_SUBMITTED, combine=exponential),
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A merged snippet: characters ``begin`` to ``end``, both included."""

    document: str
    section: tuple[str, str]
    begin: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.begin + 1


def score_snippets(gold: Mapping[str, BioasqQuestion], submission: Mapping[str, BioasqQuestion]) -> Scores:
    """Score the snippets of a phase A submission.

    ``snippet_precision``, ``snippet_recall`` and ``snippet_f1`` are over every question with gold snippets, the
    first 10 snippets counting and addresses normalised. With ``official_`` before them, and
    ``official_snippet_map`` and ``official_snippet_gmap``, they are what the official program prints: missing
    questions left out and nothing cut. Its MAP takes every snippet of a gold document for relevant, whether or
    not it overlaps, and can exceed 1; read it as nothing but the program's output.

    Returns
    -------
    Scores
        Counts: ``n_questions``, ``n_missing`` (padded), ``n_without_gold`` (left out: the program gives NaN),
        ``n_not_in_gold``, ``n_snippets_cut`` (questions with more than 10 snippets).

    Raises
    ------
    UsageError
        The submission has none of the gold questions.
    """
    scorable = {question_id: question for question_id, question in gold.items() if question.snippets}
    pairs = paired(scorable, submission, gold)
    rows, official, official_ap = {}, {}, {}
    n_cut = 0
    for question_id, question in scorable.items():
        written = pairs.answers[question_id].snippets
        n_cut += len(written) > MAX_SNIPPETS
        rows[question_id] = _overlap(_merged(written[:MAX_SNIPPETS], pmid_url), _merged(question.snippets, pmid_url))
        if question_id in pairs.submitted:
            ours, theirs = _merged(written, str), _merged(question.snippets, str)
            # The program compares the last part of the address here, and the whole address for its MAP.
            official[question_id] = _overlap(_shortened(ours), _shortened(theirs))
            official_ap[question_id] = _official_average_precision(ours, theirs)
    counts = {
        "n_questions": len(scorable),
        "n_missing": pairs.n_missing,
        "n_without_gold": len(gold) - len(scorable),
        "n_not_in_gold": pairs.n_unknown,
        "n_snippets_cut": n_cut,
    }
    measures = {**_measures("snippet_", rows), **_measures("official_snippet_", official)}
    measures["official_snippet_map"] = mean_measure("official_snippet_map", official_ap)
    measures["official_snippet_gmap"] = geometric_mean("official_snippet_gmap", official_ap)
    return Scores(measures, counts)


def _section(name: str) -> str:
    """The section's name without the part up to the first point; ``0`` is the abstract."""
    short = name.split(".", 1)[-1]
    return "abstract" if short == "0" else short


def _merged(snippets: Sequence[BioasqSnippet], address: Callable[[str], str]) -> list[_Piece]:
    """Snippets with overlapping ones of one document and section joined, in the order of their first parts."""
    pieces: list[_Piece] = []
    for snippet in snippets:
        section = (_section(snippet.begin_section), _section(snippet.end_section))
        piece = _Piece(address(snippet.document), section, snippet.begin, snippet.end)
        place = len(pieces)
        kept = []
        for index, other in enumerate(pieces):
            if _shared(piece, other):
                place = min(place, index)
                piece = _Piece(piece.document, section, min(piece.begin, other.begin), max(piece.end, other.end))
            else:
                kept.append(other)
        # Every joined piece lay at ``place`` or behind it, so nothing before it has moved.
        pieces = [*kept[:place], piece, *kept[place:]]
    return pieces


def _shared(one: _Piece, other: _Piece) -> int:
    """Characters that two pieces share; 0 in different documents or sections."""
    if one.document != other.document or one.section != other.section:
        return 0
    return max(0, min(one.end, other.end) - max(one.begin, other.begin) + 1)


def _shortened(pieces: Sequence[_Piece]) -> list[_Piece]:
    return [_Piece(document_id(piece.document), piece.section, piece.begin, piece.end) for piece in pieces]


def _overlap(ours: Sequence[_Piece], gold: Sequence[_Piece]) -> tuple[float, float, float]:
    shared = sum(_shared(one, other) for one in ours for other in gold)
    length = sum(piece.length for piece in ours)
    precision = shared / length if length else 0.0
    recall = shared / sum(piece.length for piece in gold)
    return precision, recall, f1(precision, recall)


def _official_average_precision(ours: Sequence[_Piece], gold: Sequence[_Piece]) -> float:
    documents = {piece.document for piece in gold}
    total, shared, length = 0.0, 0, 0
    for piece in ours:
        shared += sum(_shared(piece, other) for other in gold)
        length += piece.length
        if piece.document in documents:
            total += shared / length
    return total / min(10, len(gold))


def _measures(prefix: str, rows: Mapping[str, tuple[float, float, float]]) -> dict[str, Measure]:
    return {
        prefix + name: mean_measure(prefix + name, {question_id: row[column] for question_id, row in rows.items()})
        for column, name in enumerate(("precision", "recall", "f1"))
    }
