"""An answer as plain text: statements with footnote marks, then the footnotes with PMIDs."""

from collections.abc import Iterator, Sequence

from ragqa.types import Answer, Source, Span, Statement


def lines(answer: Answer) -> Iterator[str]:
    """The answer piece by piece; joined they are the whole text.

    The marks count the sources in their order: ``[1]`` is the first of ``answer.sources``.
    """
    numbers = {source.document_id: place for place, source in enumerate(answer.sources, start=1)}
    if answer.abstained:
        yield f"No answer: {answer.reason}"
    elif answer.verdict is not None:
        yield f"{_verdict(answer)} "
    for statement in answer.statements:
        yield f"{statement.text}{_marks(statement.spans, numbers)} "
    yield from _ending(answer, numbers)


class LiveText:
    """The same while the answer is still being written: statements as they come, what else there is at the end.

    The marks count the sources in the order in which they are first cited.
    """

    def __init__(self) -> None:
        self._told: list[Statement] = []
        self._numbers: dict[str, int] = {}

    def statement(self, statement: Statement) -> str:
        """The piece of text for a statement that was just written."""
        self._told.append(statement)
        for span in statement.spans:
            self._numbers.setdefault(span.document_id, len(self._numbers) + 1)
        return f"{statement.text}{_marks(statement.spans, self._numbers)} "

    def rest(self, answer: Answer) -> Iterator[str]:
        """What follows the statements. Where they are not the answer's after all, the text says so and starts anew."""
        if not self._told or self._told != list(answer.statements):
            if self._told:
                yield "\n\n(The text above is withdrawn.)\n\n"
            yield from lines(answer)
            return
        for source in answer.sources:
            self._numbers.setdefault(source.document_id, len(self._numbers) + 1)
        if answer.verdict is not None:
            yield f"\n\n{_verdict(answer)}"
        yield from _ending(answer, self._numbers)


def _ending(answer: Answer, numbers: dict[str, int]) -> Iterator[str]:
    for exact in answer.exact_answers:
        yield f"\n- {exact.text}{_marks(exact.spans, numbers)}"
    for notice in answer.notices:
        yield f"\n\nNote: {notice.message}"
    if answer.sources:
        yield "\n\nNearest papers:" if answer.abstained else "\n\nSources:"
    for source in sorted(answer.sources, key=lambda source: numbers[source.document_id]):
        yield f"\n[{numbers[source.document_id]}] {source_line(source)}"


def _verdict(answer: Answer) -> str:
    probability = answer.verdict_probabilities.get(answer.verdict or "")
    shown = "" if probability is None else f" ({probability:.0%})"
    return f"{(answer.verdict or '').capitalize()}{shown}."


def source_line(source: Source) -> str:
    """A source in one line.

    >>> source_line(Source("123", "A trial.", "BMJ", 2001, url="https://pubmed.ncbi.nlm.nih.gov/123/"))
    'A trial. BMJ. 2001. PMID 123. https://pubmed.ncbi.nlm.nih.gov/123/'
    """
    parts = (
        "RETRACTED" if source.retracted else "",
        source.title,
        source.journal,
        str(source.year or ""),
        source.evidence_level,
        f"PMID {source.document_id}" if source.url else source.document_id,
    )
    return f"{'. '.join(part.rstrip('.') for part in parts if part)}. {source.url}".rstrip()


def _marks(spans: Sequence[Span], numbers: dict[str, int]) -> str:
    cited = sorted({numbers[span.document_id] for span in spans if span.document_id in numbers})
    return f" {''.join(f'[{number}]' for number in cited)}" if cited else ""
