"""The documents found for a question, read by the model: what each says, sentence by sentence."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragqa.answer import terms
from ragqa.answer.abstract_parts import Part
from ragqa.answer.extractive.decisions import decisions
from ragqa.answer.extractive.relation import Query, Relation, query_of, relate, stances
from ragqa.answer.extractive.relevance import relevance_features
from ragqa.answer.passages import Passage, level_weight, passages_of
from ragqa.answer.question import AskedFor
from ragqa.answer.support import states_aim
from ragqa.reader.model import ReaderModel, sigmoid
from ragqa.types import Document

N_WEIGHED = 5
"""A verdict weighs so many documents, the most relevant."""

TOLD_OF = 0.3
"""Relevance from which on it is told what became of an article (retracted, corrected), whether it is cited or not."""

_READ_ALONE = 8  # sentences
_FEWEST_WORDS = 4  # "[References: 49]" says nothing
_LAST = 2  # sentences
_NO_FINDING: frozenset[Part] = frozenset({"title", "methods"})


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase that may be an exact answer: characters of the section of a passage, and its probability."""

    passage: int
    begin: int
    end: int
    probability: float


@dataclass(frozen=True, slots=True)
class DocumentEvidence:
    """What a document says to the question.

    Attributes
    ----------
    features
        What its relevance is judged by; empty where it has no text.
    relevance
        Probability that it answers the question, 0 to 1.
    relation
        Probabilities of yes, no and nothing, float64 [3].
    conclusion
        Those of its conclusion, read by itself, float64 [3]; None where it was not read.
    coverage
        The share of the question's words, each counted by how rare it is, that its title and abstract have, 0 to 1.
    level
        Its weight by its evidence level, .5 to 1.
    usable
        Whether it may support a statement: a retracted article may not.
    """

    features: Mapping[str, float]
    relevance: float
    relation: np.ndarray
    level: float
    usable: bool
    conclusion: np.ndarray | None = None
    coverage: float = 0.0

    @property
    def worth(self) -> float:
        """What it counts in a verdict."""
        return self.relevance * self.level


@dataclass(frozen=True, slots=True)
class Evidence:
    """The documents of one question, read.

    Attributes
    ----------
    passages
        The sentences of all documents, in order.
    relation
        For each the probabilities of yes, no and nothing, float64 [n_passages, 3].
    within
        For each the probability that it is evidence within its document, float64 [n_passages].
    weight
        For each how well it serves as evidence, 0 to 1, float64 [n_passages]; 0 for titles, aims and methods, and for
        documents that must not be used.
    documents
        What each document says; one that was not read says nothing.
    phrases
        Phrases that may be exact answers.
    n_read
        How many documents were read, the first ones.
    directed
        Whether the question asks for a direction that has an opposite.
    """

    passages: list[Passage]
    relation: np.ndarray
    within: np.ndarray
    weight: np.ndarray
    documents: list[DocumentEvidence]
    phrases: list[Phrase]
    n_read: int
    directed: bool = False

    @property
    def relevance(self) -> float:
        """Relevance of the best document that may be used, 0 where there is none."""
        return max((document.relevance for document in self.documents if document.usable), default=0.0)


def gather(
    model: ReaderModel,
    asked: AskedFor,
    documents: Sequence[Document],
    *,
    allow_retracted: bool,
    n_weighed: int = N_WEIGHED,
    conclusions: bool = True,
    budget_ms: int = 0,
) -> Evidence:
    """Read documents for a question, retracted ones too, so that it can be told that they were found.

    For a yes/no question the ``n_weighed`` most relevant are read once more for directions, and ``conclusions`` by
    themselves, where a verdict over all documents needs them. After ``budget_ms`` milliseconds no further document is
    begun; 0: all are read.
    """
    until = time.monotonic() + budget_ms / 1000 if budget_ms else math.inf
    passages = passages_of(asked, documents)
    places = [[p for p, passage in enumerate(passages) if passage.document == d] for d in range(len(documents))]
    query = query_of(asked.text)
    n_directed = n_weighed if asked.type == "yesno" else 0
    texts = [[passages[place].text for place in own] for own in places]
    n_titles = [_n_titles(passages, own) for own in places]
    relations = relate(model, query, texts, n_directed, until=until, n_titles=n_titles)
    passages = [passage for passage in passages if passage.document < len(relations)]
    logits = np.concatenate([said.evidence for said in relations]) if relations else np.zeros(0)
    relation = np.concatenate([said.of_sentences for said in relations]) if relations else np.zeros((0, 3))
    told: list[DocumentEvidence] = []
    phrases: list[Phrase] = []
    for document, own, said in zip(documents, places, relations, strict=False):  # those that were read
        usable = allow_retracted or not document.retracted
        told.append(_document(document, asked, [passages[place] for place in own], said, usable=usable))
        phrases += _phrases(passages, own, said)
    within = sigmoid(logits)
    if asked.type == "yesno" and conclusions:
        told = _concluded(model, query, passages, told)
    weight = _weights(model, query, passages, within, told)
    told += [_silent(document, usable=False) for document in documents[len(relations) :]]
    return Evidence(passages, relation, within, weight, told, phrases, len(relations), query.directed)


def _n_titles(passages: Sequence[Passage], own: Sequence[int]) -> int:
    """How many sentences of a document are its title; 0 where it has no others."""
    n = sum(passages[place].part == "title" for place in own)
    return n if n < len(own) else 0


def _phrases(passages: Sequence[Passage], own: Sequence[int], said: Relation) -> Iterator[Phrase]:
    for found in said.answers:
        place = own[found.sentence]
        begin = passages[place].begin
        yield Phrase(place, begin + found.begin, begin + found.end, found.probability)


def _document(
    document: Document, asked: AskedFor, own: Sequence[Passage], said: Relation, *, usable: bool
) -> DocumentEvidence:
    if not own:
        return _silent(document, usable=usable)
    features = relevance_features(asked, own, said)
    return DocumentEvidence(
        features,
        decisions().relevance(features),
        said.of_all,
        level_weight(document),
        usable,
        coverage=terms.coverage(asked.stems, set().union(*(passage.stems for passage in own))),
    )


def _silent(document: Document, *, usable: bool) -> DocumentEvidence:
    """A document without text, or one that was not read."""
    return DocumentEvidence({}, 0.0, np.array((0.0, 0.0, 1.0)), level_weight(document), usable)


def _concluded(
    model: ReaderModel, query: Query, passages: Sequence[Passage], told: Sequence[DocumentEvidence]
) -> list[DocumentEvidence]:
    """The documents, with what the conclusions say (or the last sentences) of those that a verdict weighs."""
    weighed = sorted(
        (place for place, said in enumerate(told) if said.usable and said.features), key=lambda p: -told[p].worth
    )[:N_WEIGHED]
    texts = []
    for place in weighed:
        own = [passage for passage in passages if passage.document == place and passage.part != "title"]
        texts.append([p.text for p in own if p.part == "conclusion"] or [p.text for p in own[-_LAST:]])
    found = list(told)
    for place, said in zip(weighed, stances(model, query, texts), strict=True):
        found[place] = replace(told[place], conclusion=said)
    return found


def _weights(
    model: ReaderModel, query: Query, passages: Sequence[Passage], within: np.ndarray, told: Sequence[DocumentEvidence]
) -> np.ndarray:
    """How well each sentence serves: read within its document for all, and by itself for the most promising."""
    titles_only = {p.document for p in passages} - {p.document for p in passages if p.part != "title"}
    allowed = np.array([
        told[p.document].usable
        and (p.part not in _NO_FINDING)
        and len(p.text.split()) >= _FEWEST_WORDS
        and p.document not in titles_only
        and not states_aim(p.text)
        for p in passages
    ], dtype=bool)  # fmt: skip
    relevance = np.array([told[passage.document].relevance for passage in passages])
    promise = np.where(allowed, relevance * (0.2 + within), 0.0)
    chosen = [place for place in np.argsort(-promise, kind="stable")[:_READ_ALONE].tolist() if promise[place] > 0]
    alone = np.zeros(len(passages))
    readings = model.read([(query.text, [passages[place].text]) for place in chosen])
    for place, reading in zip(chosen, readings, strict=True):
        alone[place] = sigmoid(np.array(reading.relevance))
    return np.where(allowed, relevance * (within + alone) / 2, 0.0)
