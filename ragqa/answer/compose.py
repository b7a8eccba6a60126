"""A reading and the hits that it was made from → the :class:`ragqa.types.Answer` that a user gets."""

from collections.abc import Sequence

from ragqa.answer.reading import Reading
from ragqa.corpus.evidence import evidence_level
from ragqa.corpus.text import title_of
from ragqa.types import Answer, Document, Hit, Question, Source

N_NEAREST = 5
"""How many of the nearest articles an abstention shows."""


def compose(
    question: Question,
    reading: Reading,
    hits: Sequence[Hit],
    documents: Sequence[Document],
    manifest_hash: str,
) -> Answer:
    """The answer: its text, its cited articles (or the nearest articles), and everything that leads back to them.

    ``documents`` are those of the first ``len(documents)`` hits, in the same order.
    """
    spans = [span for statement in reading.statements for span in statement.spans]
    spans += [span for exact in reading.exact_answers for span in exact.spans]
    cited = {span.document_id for span in spans}
    shown = documents[:N_NEAREST] if reading.abstained else [d for d in documents if d.id in cited]
    return Answer(
        question=question,
        text=" ".join(statement.text for statement in reading.statements),
        verdict=reading.verdict,
        verdict_probabilities=reading.verdict_probabilities,
        exact_answers=tuple(reading.exact_answers),
        statements=tuple(reading.statements),
        sources=tuple(source_of(document, cited=document.id in cited) for document in shown),
        hits=tuple(hits),
        abstained=reading.abstained,
        reason=reading.reason,
        notices=tuple(reading.notices),
        manifest_hash=manifest_hash,
        generation=reading.generation,
    )


def source_of(document: Document, *, cited: bool) -> Source:
    """The article as an answer shows it; only a numeric id is taken for a PMID and gets an address."""
    return Source(
        document_id=document.id,
        title=title_of(document),
        journal=document.journal,
        year=document.year,
        publication_types=tuple(publication_type.name for publication_type in document.publication_types),
        evidence_level=evidence_level(document),
        retracted=document.retracted,
        cited=cited,
        url=f"https://pubmed.ncbi.nlm.nih.gov/{document.id}/" if document.id.isdecimal() else "",
    )
