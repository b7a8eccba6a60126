"""An answer as Markdown: statements with footnote marks, then the footnotes with PMIDs."""

import re
from collections.abc import Iterator, Mapping

from ragqa.render import pieces, verdict
from ragqa.render.escape import markdown
from ragqa.types import Answer, Notice, Source, Statement

_ADDRESS = re.compile(r"https://[A-Za-z0-9./_%-]+")


def lines(answer: Answer) -> Iterator[str]:
    """The answer piece by piece; joined they are the whole text.

    The marks count the sources in their order: ``[1]`` is the first of ``answer.sources``.
    """
    numbers = pieces.numbered(answer.sources)
    if read_as := pieces.read_as(answer):
        yield f"{markdown(read_as)}\n\n"
    yield from _beginning(answer, numbers)
    yield from _ending(answer, numbers)


def whole(answer: Answer) -> str:
    """The answer as a text of its own, below its question."""
    return f"## {markdown(answer.question.text)}\n\n{''.join(lines(answer))}\n"


def _beginning(answer: Answer, numbers: Mapping[str, int]) -> Iterator[str]:
    if answer.abstained:
        yield markdown(pieces.refusal(answer))
    elif answer.verdict is not None:
        yield f"{verdict.told(answer)} "
    if first := "\n\n".join(_note(notice, answer) for notice in pieces.first_notices(answer)):
        yield f"\n\n{first}\n\n" if answer.abstained or answer.verdict is not None else f"{first}\n\n"
    for statement in answer.statements:
        yield f"{markdown(statement.text)}{pieces.marks(statement.spans, numbers)} "


class LiveText:
    """The same while the answer is still being written: statements as they come, what else there is at the end.

    The marks count the sources in the order in which they are first cited.
    """

    def __init__(self) -> None:
        self._told: list[Statement] = []
        self._numbers: dict[str, int] = {}
        self._read_as = ""

    def read_as(self, message: str) -> str:
        """The piece of text that tells how the question was read, before anything is written."""
        self._read_as = message
        return f"{markdown(message)}\n\n"

    def statement(self, statement: Statement) -> str:
        """The piece of text for a statement that was just written."""
        self._told.append(statement)
        for span in statement.spans:
            self._numbers.setdefault(span.document_id, len(self._numbers) + 1)
        return f"{markdown(statement.text)}{pieces.marks(statement.spans, self._numbers)} "

    def rest(self, answer: Answer) -> Iterator[str]:
        """What follows the statements. Where they are not the answer's after all, the text says so and starts anew."""
        if not self._told or self._told != list(answer.statements):
            if self._told:
                yield "\n\n(The text above is withdrawn.)\n\n"
            numbers = pieces.numbered(answer.sources)
            if (read_as := pieces.read_as(answer)) != self._read_as:
                yield f"{markdown(read_as)}\n\n"
            yield from _beginning(answer, numbers)
            yield from _ending(answer, numbers)
            return
        for source in answer.sources:
            self._numbers.setdefault(source.document_id, len(self._numbers) + 1)
        if answer.verdict is not None:
            yield f"\n\n{verdict.told(answer)}"
        for notice in pieces.first_notices(answer):
            yield f"\n\n{_note(notice, answer)}"
        yield from _ending(answer, self._numbers)


def _ending(answer: Answer, numbers: Mapping[str, int]) -> Iterator[str]:
    for place, exact in enumerate(pieces.likely(answer)):
        yield f"{'' if place else chr(10)}\n- {markdown(exact.text)}{pieces.marks(exact.spans, numbers)}"
    if weak := pieces.weak_candidates(answer, numbers, markdown):
        yield f"\n\n{weak}"
    for notice in pieces.last_notices(answer):
        yield f"\n\n{_note(notice, answer)}"
    if answer.sources:
        yield f"\n\n{pieces.heading_of_sources(answer)}\n"
    for source in sorted(answer.sources, key=lambda source: numbers[source.document_id]):
        yield f"\n- [{numbers[source.document_id]}] {source_line(source)}"


def _note(notice: Notice, answer: Answer) -> str:
    return f"Note: {markdown(pieces.message(notice, answer))}"


def source_line(source: Source) -> str:
    r"""A source in one line.

    >>> source_line(Source("123", "A *trial*.", "BMJ", 2001, url="https://pubmed.ncbi.nlm.nih.gov/123/"))
    'A \\*trial\\*. BMJ. 2001. PMID 123. <https://pubmed.ncbi.nlm.nih.gov/123/>'
    """
    known = _ADDRESS.fullmatch(source.url)
    return pieces.source_line(source, markdown, f"<{source.url}>" if known else markdown(source.url))


def article(source: Source, sections: Iterator[tuple[str, str]]) -> str:
    """A document to read: its source, then its sections, each a paragraph with its name before it."""
    paragraphs = [f"{markdown(f'[{name}]')} {markdown(text)}" for name, text in sections]
    return "\n\n".join([source_line(source), *paragraphs])
