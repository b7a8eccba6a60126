"""An answer as a fragment of HTML, to be pasted into a document or put into a page: no script, no style, no image."""

import html
import re
from collections.abc import Iterable, Iterator, Mapping

from ragqa.render import pieces, verdict
from ragqa.render.escape import plain
from ragqa.types import Answer, ExactAnswer, Statement

MEDIA_TYPE = "text/html; charset=utf-8"
_ADDRESS = re.compile(r"https://[A-Za-z0-9./_%-]+")


def escaped(text: str) -> str:
    """The text in one line, without a sign that HTML would obey.

    >>> escaped("<b>5 & more</b>")
    '&lt;b&gt;5 &amp; more&lt;/b&gt;'
    """
    return html.escape(plain(text))


def fragment(answer: Answer) -> str:
    """The answer: its question, verdict, statements with footnote marks, notices and sources."""
    return "\n".join(_elements(answer))


def _elements(answer: Answer) -> Iterator[str]:
    numbers = pieces.numbered(answer.sources)
    yield f"<h2>{escaped(answer.question.text)}</h2>"
    if read_as := pieces.read_as(answer):
        yield _paragraph(read_as)
    if answer.abstained:
        yield f"<p><strong>{escaped(pieces.refusal(answer))}</strong></p>"
    if answer.verdict is not None:
        yield f"<p><strong>{escaped(verdict.told(answer))}</strong></p>"
    for notice in pieces.first_notices(answer):
        yield f"<p><strong>Note:</strong> {escaped(pieces.message(notice, answer))}</p>"
    yield from _listed("ul", (_cited(exact, numbers) for exact in pieces.likely(answer)))
    if weak := pieces.weak_candidates(answer, numbers, escaped):
        yield f"<p>{weak}</p>"
    if answer.statements:
        yield f"<p>{' '.join(_cited(statement, numbers) for statement in answer.statements)}</p>"
    for notice in pieces.last_notices(answer):
        yield _paragraph(f"Note: {pieces.message(notice, answer)}")
    if answer.sources:
        yield f"<h3>{pieces.heading_of_sources(answer).rstrip(':')}</h3>"
        yield from _listed("ol", (pieces.source_line(one, escaped, _link(one.url)) for one in answer.sources))


def _paragraph(text: str) -> str:
    return f"<p>{escaped(text)}</p>"


def _listed(tag: str, items: Iterable[str]) -> Iterator[str]:
    if rows := "".join(f"<li>{item}</li>" for item in items):
        yield f"<{tag}>{rows}</{tag}>"


def _cited(part: Statement | ExactAnswer, numbers: Mapping[str, int]) -> str:
    return f"{escaped(part.text)}{pieces.marks(part.spans, numbers)}"


def _link(address: str) -> str:
    if not _ADDRESS.fullmatch(address):
        return escaped(address)
    return f'<a href="{address}" rel="noopener noreferrer">{address}</a>'
