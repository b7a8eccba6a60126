"""An answer for a terminal or a pipe: lines, each with the role that it plays."""

from collections.abc import Iterable, Iterator
from typing import Literal

from ragqa.render import pieces, verdict
from ragqa.render.escape import plain
from ragqa.types import Answer, Notice, Source

Role = Literal["warning", "lead", "text", "quote"]


def lines(answer: Answer) -> Iterator[tuple[str, Role]]:
    """The answer's lines in order; the quotes stand below their source."""
    numbers = pieces.numbered(answer.sources)
    yield from _beginning(answer)
    for exact in pieces.likely(answer):
        yield f"- {plain(exact.text)} ({exact.score:.2f}){pieces.marks(exact.spans, numbers)}", "lead"
    if weak := pieces.weak_candidates(answer, numbers, plain):
        yield weak, "text"
    for statement in answer.statements:
        yield f"{plain(statement.text)}{pieces.marks(statement.spans, numbers)}", "text"
    yield from _notes(answer, pieces.last_notices(answer))
    if answer.sources:
        yield pieces.heading_of_sources(answer), "lead"
    for number, source in enumerate(answer.sources, start=1):
        yield f"[{number}] {source_line(source)}", "text"
        for span in (span for statement in answer.statements for span in statement.spans):
            if span.document_id == source.document_id:
                yield f"    “{plain(span.quote)}” ({plain(span.section)} {span.begin}–{span.end})", "quote"


def _beginning(answer: Answer) -> Iterator[tuple[str, Role]]:
    if read_as := pieces.read_as(answer):
        yield plain(read_as), "lead"
    if answer.abstained:
        yield plain(pieces.refusal(answer)), "warning"
    if answer.verdict is not None:
        yield verdict.told(answer), "lead"
    yield from _notes(answer, pieces.first_notices(answer))


def _notes(answer: Answer, notices: Iterable[Notice]) -> Iterator[tuple[str, Role]]:
    for notice in notices:
        yield f"Note ({notice.kind.replace('_', ' ')}): {plain(pieces.message(notice, answer))}", "warning"


def source_line(source: Source) -> str:
    """A source in one line.

    >>> source_line(Source("123", "A trial.", "BMJ", 2001, url="https://pubmed.ncbi.nlm.nih.gov/123/"))
    'A trial. BMJ. 2001. PMID 123. https://pubmed.ncbi.nlm.nih.gov/123/'
    """
    return pieces.source_line(source, plain, plain(source.url))
