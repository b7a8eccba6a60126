"""Whether an answer to a completed question keeps to its topic, and to what was asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ragqa.answer.assertion_words import WORDS
from ragqa.answer.dialogue import words
from ragqa.answer.dialogue.understand import Understood
from ragqa.answer.terms import coverage
from ragqa.corpus.text import abstract_of, title_of
from ragqa.corpus.words import content_stems, tokens
from ragqa.types import Answer, Document

ENOUGH = 0.5
"""Weighted share of the topic's words that a cited article must have; those of the sample's answers have .55 on."""
BESIDE = 0.75
"""Share of the best article's share below which an article is beside the topic."""


def kept_on_topic(answer: Answer, read: Understood, documents: Mapping[str, Document]) -> Answer:
    """The answer, or an abstention where what it rests on is of another topic, or silent on what was added to it.

    Parameters
    ----------
    answer
        The answer to ``read.question``.
    documents
        The articles that it cites, by id.
    """
    if answer.abstained:
        return answer
    stems = {document_id: frozenset(content_stems(_text(found))) for document_id, found in documents.items()}
    topic = content_stems(read.topic)
    shares = {document_id: coverage(topic, found) for document_id, found in stems.items()}
    needed = max(ENOUGH, BESIDE * max(shares.values(), default=0.0))
    on_topic = [stems[document_id] for document_id, share in shares.items() if share >= needed]
    if 2 * len(on_topic) <= len(stems):
        return _withdrawn(answer, f"The articles found are not about the topic of the conversation: {read.topic}")
    if not _speaks_of_all(answer, read, on_topic):
        return _withdrawn(answer, f"No article found on this topic speaks of what was added: “{read.limit}”")
    return answer


def _speaks_of_all(answer: Answer, read: Understood, stems: Sequence[frozenset[str]]) -> bool:
    """Whether all that was added to the topic is spoken of: in the words that are quoted, or in the articles."""
    spans = [span for statement in answer.statements for span in statement.spans]
    spans += [span for exact in answer.exact_answers for span in exact.spans]
    said = frozenset(content_stems(" ".join(span.quote for span in spans)))
    spoken_of = said if read.is_aspect else said.union(*stems)
    added = [word for word in tokens(read.limit) if word not in WORDS]
    return not any(spoken_of.isdisjoint(wanted) for wanted in words.demands(" ".join(added)))


def _withdrawn(answer: Answer, reason: str) -> Answer:
    return replace(
        answer,
        text="",
        verdict=None,
        verdict_probabilities={},
        exact_answers=(),
        statements=(),
        sources=tuple(replace(source, cited=False) for source in answer.sources),
        abstained=True,
        reason=reason,
    )


def _text(document: Document) -> str:
    return f"{title_of(document)} {abstract_of(document)}"
