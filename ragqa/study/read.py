"""One study as a row of an evidence table."""

import re
from collections.abc import Iterator, Sequence

from ragqa.answer.abstract_parts import part_of
from ragqa.answer.participants import participants
from ragqa.corpus.sentences import split_sentences
from ragqa.corpus.text import abstract_sections
from ragqa.study.arms import arms
from ragqa.study.design import design, is_protocol
from ragqa.study.direction import direction
from ragqa.types import Answer, Document, Section, Span, Study

_NO_SENTENCE = re.compile(r"(?i)©|\bcopyright\b|\A.{0,30}\Z|\bregist(?:ration|ered|ry)\b")

_OF_GROUP = re.compile(
    r"(?i)\((?:n\s?=\s?)?# ?(?:\w+)?\)|(?<!\w)# (?:[\w-]+ )?controls\b|\b(?:each|per) (?:\w+ )+#"
    r"|# \w+ (?:each|per|in each)\b"
)
_COUNTED = re.compile(
    r"(?i)(?<![\w./-])(?P<n>\d+) (?:(?:consecutive|eligible|adult|healthy|male|female|pregnant|elderly) )*"
    r"(?:patients|participants|subjects|women|men|children|adults|infants|individuals|people|volunteers)\b"
)


def study_of(document: Document, cited: Sequence[Span] = ()) -> Study:
    """The study that an article tells of; what its text does not say plainly is blank.

    Parameters
    ----------
    cited
        Spans of the article that an answer rests on: the direction is read in the first that has one. Without, it is
        read in the conclusion of the abstract.
    """
    named, kind, quote = arms(document), design(document), None
    quotes = [span for span in cited if span.document_id == document.id] or list(_conclusion(document))
    if quotes:
        quote = next((span for span in quotes if direction(span.quote)), quotes[0])
    return Study(
        document_id=document.id,
        design=kind,
        participants=_participants(document, kind),
        population=named.population,
        intervention=named.intervention,
        comparator=named.comparator,
        outcome=named.outcome,
        direction=direction(quote.quote) if quote and not is_protocol(document) else "",
        quote=quote,
    )


def studies_of(answer: Answer, documents: Sequence[Document]) -> tuple[Study, ...]:
    """The studies behind an answer, in the order of its sources, which are among ``documents``."""
    by_id = {document.id: document for document in documents}
    spans = [span for statement in answer.statements for span in statement.spans]
    return tuple(study_of(by_id[source.document_id], spans) for source in answer.sources)


def _participants(document: Document, kind: str) -> int | None:
    """How many took part; None where the number may be planned, or that of one group."""
    n = None if "protocol" in kind or "case-control" in kind else participants(document)
    text = " ".join(section.text for section in abstract_sections(document)).replace(",", "")
    if n is None or any(int(found["n"]) > n for found in _COUNTED.finditer(text)):
        return None
    return None if _OF_GROUP.search(re.sub(rf"\b{n}\b", "#", text)) else n


def _conclusion(document: Document) -> Iterator[Span]:
    """The sentences of the conclusion; of an abstract in one part the last one."""
    sections = abstract_sections(document)
    concluding = [section for section in sections if part_of(section) == "conclusion"]
    for section in concluding:
        yield from _spans(document, section)
    if not concluding and len(sections) == 1:
        yield from [span for span in _spans(document, sections[0]) if not _NO_SENTENCE.search(span.quote)][-1:]


def _spans(document: Document, section: Section) -> Iterator[Span]:
    for begin, end in split_sentences(section.text):
        yield Span(document.id, section.name, begin, end, section.text[begin:end])
