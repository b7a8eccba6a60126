"""What every form of an answer is put together from: footnote marks, the verdict, a source in one line."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from ragqa.types import Answer, ExactAnswer, Notice, Source, Span

_TOLD_ELSEWHERE = {"completed", "asked_back"}
_LEAST_LIKELY = 0.3
"""Score of an exact answer below which it is told as a weak candidate; the page draws the same line."""
_FIRST = {
    "conflicting",
    "false_presupposition",
    "language",
    "partly_searched",
    "unknown_words",
    "unmentioned_names",
    "verdict_withheld",
}

Escape = Callable[[str], str]
"""Makes text of third parties harmless in one form: see :mod:`ragqa.render.escape`."""


def numbered(sources: Sequence[Source]) -> dict[str, int]:
    """The footnote number of each article: their order, from 1."""
    return {source.document_id: place for place, source in enumerate(sources, start=1)}


def marks(spans: Sequence[Span], numbers: Mapping[str, int]) -> str:
    """The footnote marks of spans with a space before them, or "" where they cite none of the numbered articles."""
    cited = sorted({numbers[span.document_id] for span in spans if span.document_id in numbers})
    return f" {''.join(f'[{number}]' for number in cited)}" if cited else ""


def likely(answer: Answer) -> list[ExactAnswer]:
    """The exact answers that are told one by one."""
    return [exact for exact in answer.exact_answers if exact.score >= _LEAST_LIKELY]


def weak_candidates(answer: Answer, numbers: Mapping[str, int], escape: Escape) -> str:
    """The other exact answers in one line, with their scores; "" where there are none."""
    weak = [exact for exact in answer.exact_answers if exact.score < _LEAST_LIKELY]
    told = (f"{escape(exact.text)} ({exact.score:.2f}){marks(exact.spans, numbers)}" for exact in weak)
    return f"Weak candidates: {'; '.join(told)}" if weak else ""


def read_as(answer: Answer) -> str:
    """How a question that leant on earlier ones was read; "" where it stood alone."""
    return next((notice.message for notice in answer.notices if notice.kind == "completed"), "")


def refusal(answer: Answer) -> str:
    """What an abstention says: its reason, or the question that ragqa asks back."""
    asks_back = any(notice.kind == "asked_back" for notice in answer.notices)
    return answer.reason if asks_back else f"No answer: {answer.reason}"


def first_notices(answer: Answer) -> Iterator[Notice]:
    """The notices without which the statements would be read wrongly: they stand before them."""
    return (notice for notice in answer.notices if notice.kind in _FIRST)


def last_notices(answer: Answer) -> Iterator[Notice]:
    """The other notices that nothing else of the text tells."""
    return (notice for notice in answer.notices if notice.kind not in _FIRST | _TOLD_ELSEWHERE)


def message(notice: Notice, answer: Answer) -> str:
    """What a notice of an answer says, with the article that it is about."""
    about = next((source for source in answer.sources if source.document_id == notice.document_id), None)
    name = _name(about) if about else notice.document_id
    return f"{notice.message} ({name})" if name else notice.message


def heading_of_sources(answer: Answer) -> str:
    """What stands above the sources: under an abstention they are not cited, only near."""
    return "Nearest articles:" if answer.abstained else "Sources:"


def source_line(source: Source, escape: Escape, address: str) -> str:
    """A source in one line, with its address as the form writes it."""
    parts = (
        "RETRACTED" if source.retracted else "",
        escape(source.title),
        escape(source.journal),
        str(source.year or ""),
        escape(source.evidence_level),
        escape(_name(source)),
    )
    return f"{'. '.join(part.rstrip('.') for part in parts if part)}. {address}".rstrip()


def _name(source: Source) -> str:
    return f"PMID {source.document_id}" if source.url else source.document_id
