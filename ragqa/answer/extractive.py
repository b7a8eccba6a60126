"""The extractive reader: answers with the very sentences of the articles, without a language model."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragqa.answer import notices
from ragqa.answer.exact import exact_answers
from ragqa.answer.judgement import Judgement, judge
from ragqa.answer.passages import Passage, level_weight, passages_of, with_similarity
from ragqa.answer.question import AskedFor, analyse
from ragqa.answer.reading import Reading, check_input, rounded
from ragqa.answer.selection import DocumentWeight, choose, score_passages, statement_of
from ragqa.answer.strength import strengths
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, ExactAnswer, Notice, Question, Statement

_RELEVANT = 0.3
_FITTING = 0.25  # an exact answer is not read in a document that fits less than a quarter as well as the best
_EXACT_TYPES = ("factoid", "list")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The documents of one question, taken apart.

    Attributes
    ----------
    passages, vectors
        All sentences, and the vectors (float32 [dimension]) of the encoded ones by their place.
    weights
        What each document gives its sentences; its ``strength`` is its fit with the question.
    usable
        Whether each document may support a statement.
    encoded
        Whether an encoder was at hand.
    """

    passages: list[Passage]
    vectors: Mapping[int, np.ndarray]
    weights: list[DocumentWeight]
    usable: list[bool]
    encoded: bool

    @property
    def strength(self) -> float:
        """Fit of the best usable document, 0 where there is none."""
        return max((w.strength for w, usable in zip(self.weights, self.usable, strict=True) if usable), default=0.0)


class ExtractiveReader:
    """Reads documents to answer a question with their own sentences. Make one with :meth:`open`.

    It keeps no state between questions and may be shared between threads as far as ``encode`` may.
    """

    def __init__(self, settings: AnswerSettings, encode: Callable[[Sequence[str]], np.ndarray] | None) -> None:
        self.settings = settings
        self._encode = encode

    @classmethod
    def open(cls, settings: AnswerSettings, encode: Callable[[Sequence[str]], np.ndarray] | None) -> "ExtractiveReader":
        """Make a reader.

        Parameters
        ----------
        settings
            The recipe's ``answer`` table.
        encode
            Sentences → float32 [n_sentences, dimension], rows of length 1. None: sentences are compared by their
            words alone.
        """
        return cls(settings, encode)

    def read(self, question: Question, documents: Sequence[Document], scores: Sequence[float]) -> Reading:
        """Answer a question from documents, or abstain.

        Parameters
        ----------
        question
            What is asked; a type that it comes with is kept.
        documents
            The documents found, best first. Retracted ones are never used as support unless the settings allow it.
        scores
            Their retrieval scores, on any scale.

        Raises
        ------
        UsageError
            The question is empty, or there are not as many scores as documents.
        """
        check_input(question, documents, scores)
        asked = analyse(question)
        evidence = self.gather(asked, documents, scores)
        if reason := self._reason_to_abstain(asked, documents, evidence):
            told = self._notices(documents, evidence, ())
            return Reading(asked.type, abstained=True, reason=reason, notices=tuple(told), strength=evidence.strength)
        return self._answer(asked, documents, evidence)

    def gather(self, asked: AskedFor, documents: Sequence[Document], scores: Sequence[float]) -> Evidence:
        """Take the documents apart and weigh them; every document counts, retracted or not."""
        passages = passages_of(asked, documents)
        vectors: Mapping[int, np.ndarray] = {}
        if self._encode is not None and passages:
            passages, vectors = with_similarity(asked, passages, self._encode, self.settings.n_encoded_sentences)
        fits = strengths(asked, passages, len(documents), encoded=self._encode is not None)
        ranks, ages = _scaled(scores), _scaled([d.year if d.year is not None else np.nan for d in documents])
        weights = [
            DocumentWeight(fit, rank, level_weight(document), age)
            for fit, rank, document, age in zip(fits, ranks, documents, ages, strict=True)
        ]
        usable = [self.settings.allow_retracted or not document.retracted for document in documents]
        return Evidence(passages, vectors, weights, usable, self._encode is not None)

    def _reason_to_abstain(self, asked: AskedFor, documents: Sequence[Document], evidence: Evidence) -> str:
        needed = self.settings.abstain_below
        if not documents:
            return "No article was found for this question."
        if not asked.stems:
            return "The question has no word that says what it is about."
        readable = any(evidence.usable[passage.document] for passage in evidence.passages)
        if readable and evidence.strength >= needed:
            return ""
        if any(w.strength >= needed and not u for w, u in zip(evidence.weights, evidence.usable, strict=True)):
            return "The only articles found that deal with the question have been retracted."
        return (
            f"None of the {len(documents)} articles found deals with the question closely enough "
            f"(best fit {evidence.strength:.2f}; {needed:.2f} is needed)."
        )

    def _answer(self, asked: AskedFor, documents: Sequence[Document], evidence: Evidence) -> Reading:
        judgement = _judge(asked, evidence, self.settings.abstain_below) if asked.has_verdict else None
        scores = _scores(evidence, judgement)
        statements = self._statements(evidence, scores, judgement)
        exact: tuple[ExactAnswer, ...] = ()
        if asked.type in _EXACT_TYPES:
            exact = exact_answers(asked, evidence.passages, np.where(_from_fitting(evidence), scores, -np.inf))
        spans = [span for s in statements for span in s.spans] + [span for e in exact for span in e.spans]
        cited = {span.document_id for span in spans}
        told = self._notices(documents, evidence, cited)
        if judgement is not None and judgement.conflicting:
            told.append(notices.conflicting())
        if asked.language != "en":
            told.append(notices.language(asked.language))
        return Reading(
            question_type=asked.type,
            statements=statements,
            verdict=judgement.label if judgement else None,
            verdict_probabilities=rounded(judgement.probabilities) if judgement else {},
            exact_answers=exact,
            notices=tuple(told),
            strength=evidence.strength,
        )

    def _statements(self, evidence: Evidence, scores: np.ndarray, judgement: Judgement | None) -> tuple[Statement, ...]:
        most = self.settings.n_statements
        chosen = choose(evidence.passages, scores, evidence.vectors, most)
        if judgement is not None and judgement.conflicting:
            chosen = _with_other_side(chosen, evidence, scores, judgement, most)
        return tuple(
            statement_of(
                evidence.passages[place],
                evidence.weights[evidence.passages[place].document].strength,
                encoded=evidence.encoded,
            )
            for place in chosen
        )

    def _notices(self, documents: Sequence[Document], evidence: Evidence, cited: Collection[str]) -> list[Notice]:
        relevant = [d for d, w in zip(documents, evidence.weights, strict=True) if w.strength >= _RELEVANT]
        used = [document for document in documents if document.id in cited]
        return notices.about_documents(relevant, used, retracted_allowed=self.settings.allow_retracted)


def _judge(asked: AskedFor, evidence: Evidence, least: float) -> Judgement:
    counts = [
        w.strength * w.level if usable and w.strength >= least else 0.0
        for w, usable in zip(evidence.weights, evidence.usable, strict=True)
    ]
    return judge(asked.text, evidence.passages, counts)


def _scores(evidence: Evidence, judgement: Judgement | None) -> np.ndarray:
    weights = evidence.weights
    if judgement is not None:
        agreement = judgement.by_document[:, ("yes", "no", "maybe").index(judgement.label)]
        weights = [replace(w, agreement=float(a)) for w, a in zip(weights, agreement, strict=True)]
    scores = score_passages(evidence.passages, weights, encoded=evidence.encoded)
    usable = np.array([evidence.usable[passage.document] for passage in evidence.passages], dtype=bool)
    return np.where(usable, scores, -np.inf)


def _from_fitting(evidence: Evidence) -> np.ndarray:
    """Whether each passage's document fits nearly as well as the best one, bool [n_passages]."""
    least = _FITTING * evidence.strength
    return np.array([evidence.weights[passage.document].strength >= least for passage in evidence.passages], dtype=bool)


def _with_other_side(
    chosen: list[int], evidence: Evidence, scores: np.ndarray, judgement: Judgement, most: int
) -> list[int]:
    """At least one sentence from a document that contradicts the verdict, since the documents disagree."""
    opposite = 1 if judgement.label == "yes" else 0
    says_otherwise = judgement.by_document[:, opposite] > judgement.by_document[:, 1 - opposite]
    if any(says_otherwise[evidence.passages[place].document] for place in chosen):
        return chosen
    others = [
        place
        for place, passage in enumerate(evidence.passages)
        if says_otherwise[passage.document] and np.isfinite(scores[place])
    ]
    if not others:
        return chosen
    return [*chosen[: max(most - 1, 1)], max(others, key=lambda place: scores[place])]


def _scaled(values: Sequence[float]) -> list[float]:
    """To 0 … 1 over the given values; .5 where a value is missing or all are the same."""
    array = np.array(values, dtype=np.float64)
    known = array[np.isfinite(array)]
    if len(known) == 0 or known.max() == known.min():
        return [0.5] * len(array)
    scaled = (array - known.min()) / (known.max() - known.min())
    return np.where(np.isfinite(array), scaled, 0.5).tolist()  # type: ignore[no-any-return]
