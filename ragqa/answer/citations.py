"""The check that every quote of an answer is at its place."""

from collections.abc import Callable, Iterator

from ragqa.corpus.text import section_text
from ragqa.types import Answer, Document, Span


def spans_of(answer: Answer) -> Iterator[Span]:
    """All spans of an answer: those of its statements, then those of its exact answers."""
    for statement in answer.statements:
        yield from statement.spans
    for exact in answer.exact_answers:
        yield from exact.spans


def check_quotes(answer: Answer, read: Callable[[str], Document]) -> list[str]:
    """Find the spans whose quote is not ``section_text[begin:end]``.

    Parameters
    ----------
    answer
        Any answer.
    read
        Gives the document of an id, for example a corpus' store; a ``KeyError`` means that there is none.

    Returns
    -------
    list of str
        One line for each wrong span; empty where all quotes are right.
    """
    problems = (_problem(span, read) for span in spans_of(answer))
    return [problem for problem in problems if problem]


def _problem(span: Span, read: Callable[[str], Document]) -> str:
    place = f"{span.document_id} {span.section} {span.begin}–{span.end}"
    try:
        text = section_text(read(span.document_id), span.section)
    except KeyError:
        return f"{place}: there is no such document"
    if text is None:
        return f"{place}: the document has no such section"
    if not 0 <= span.begin < span.end <= len(text):
        return f"{place}: the section has {len(text)} characters"
    found = text[span.begin : span.end]
    return "" if found == span.quote else f"{place}: the text there is {found[:80]!r}, not {span.quote[:80]!r}"
