"""An answer as plain text: statements with footnote marks, then the footnotes with PMIDs."""

from collections.abc import Iterator, Sequence

from ragqa.types import Answer, Source, Span


def lines(answer: Answer) -> Iterator[str]:
    """The answer piece by piece; joined they are the whole text.

    The marks count the sources in their order: ``[1]`` is the first of ``answer.sources``.
    """
    numbers = {source.document_id: place for place, source in enumerate(answer.sources, start=1)}
    if answer.abstained:
        yield f"No answer: {answer.reason}"
    elif answer.verdict is not None:
        probability = answer.verdict_probabilities.get(answer.verdict)
        yield f"{answer.verdict.capitalize()}{f' ({probability:.0%})' if probability is not None else ''}. "
    for statement in answer.statements:
        yield f"{statement.text}{_marks(statement.spans, numbers)} "
    for exact in answer.exact_answers:
        yield f"\n- {exact.text}{_marks(exact.spans, numbers)}"
    for notice in answer.notices:
        yield f"\n\nNote: {notice.message}"
    if answer.sources:
        yield "\n\nNearest papers:" if answer.abstained else "\n\nSources:"
    for number, source in enumerate(answer.sources, start=1):
        yield f"\n[{number}] {source_line(source)}"


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
