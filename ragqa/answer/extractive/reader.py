"""The reader ``extractive``: answers with the very sentences of the articles, chosen by the small trained model."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from ragqa.answer import notices
from ragqa.answer.extractive.evidence import TOLD_OF, Evidence, gather
from ragqa.answer.extractive.exact import answer_weights, exact_answers
from ragqa.answer.extractive.gate import objection
from ragqa.answer.extractive.labels import label
from ragqa.answer.extractive.verdict import LEAST_OF_BEST, OverallVerdict, agreement, overall_verdict, shares
from ragqa.answer.premise import premise_of
from ragqa.answer.question import AskedFor, analyse
from ragqa.answer.reading import Encode, Reading, check_input, rounded
from ragqa.answer.selection import choose, wording
from ragqa.reader.model import ReaderModel, open_model
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, ExactAnswer, Labelling, Notice, Proposition, Question, Statement

_DENIED = 0.6
"""Probability of "no" from which what a question takes for granted counts as denied."""

_EXACT_TYPES = ("factoid", "list")


class ExtractiveReader:
    """Reads documents to answer a question with their own sentences. Make one with :meth:`open`.

    It keeps no state between questions and may be shared between threads.
    """

    def __init__(self, settings: AnswerSettings, model: ReaderModel) -> None:
        self.settings = settings
        self._model = model

    @classmethod
    def open(cls, settings: AnswerSettings, encode: Encode | None = None) -> "ExtractiveReader":  # noqa: ARG003
        """Open the model that comes with ragqa, to be used as the recipe's ``answer`` table says.

        The index's encoder is not needed.

        Raises
        ------
        BackendError
            A package that runs the model is missing.
        ProductError
            The model's files are damaged.
        """
        return cls(settings, open_model())

    def read(self, question: Question, documents: Sequence[Document], scores: Sequence[float]) -> Reading:
        """Answer a question from documents, or abstain.

        Parameters
        ----------
        question
            What is asked; a type that it comes with is kept.
        documents
            The documents found, best first. Retracted ones are never used as support unless the settings allow it.
        scores
            Their retrieval scores, one for each.

        Raises
        ------
        UsageError
            The question is empty, or there are not as many scores as documents.
        """
        check_input(question, documents, scores)
        if denial := self._denial(question, documents):
            return denial
        asked = analyse(question)
        evidence = self.gather(asked, documents)
        if reason := objection(asked, evidence, self.settings.abstain_below):
            told = self._notices(asked, documents, evidence, ())
            return Reading(asked.type, abstained=True, reason=reason, notices=tuple(told), strength=evidence.relevance)
        return self._answer(asked, documents, evidence, self._verdict(asked, evidence))

    def _denial(self, question: Question, documents: Sequence[Document]) -> Reading | None:
        """What the documents say against what the question takes for granted; None where they do not deny it."""
        if not (premise := premise_of(question.text)):
            return None
        asked = analyse(Question(premise, type="yesno"))
        evidence = self.gather(asked, documents)
        verdict = self._verdict(asked, evidence)
        if verdict is None or verdict.label != "no" or verdict.share < _DENIED or not verdict.covered:
            return None
        reading = self._answer(asked, documents, evidence, verdict)
        told = (notices.denied(premise), *reading.notices)
        kind = analyse(question).type
        return replace(reading, question_type=kind, verdict=None, verdict_probabilities={}, notices=told)

    def label(self, proposition: Proposition, documents: Sequence[Document]) -> Labelling:
        """The probability of each label of a claim, or of a question on a trial, and the evidence."""
        return label(self._model, proposition, documents)

    def gather(self, asked: AskedFor, documents: Sequence[Document]) -> Evidence:
        """What each document says; retracted ones are read too, and all of them if there is time."""
        settings = self.settings
        return gather(
            self._model,
            asked,
            documents,
            allow_retracted=settings.allow_retracted,
            budget_ms=settings.budget_ms,
        )

    def _answer(
        self, asked: AskedFor, documents: Sequence[Document], evidence: Evidence, verdict: OverallVerdict | None
    ) -> Reading:
        exact = exact_answers(asked, evidence) if asked.type in _EXACT_TYPES else ()
        statements = self._statements(evidence, verdict, exact)
        spans = [span for s in statements for span in s.spans] + [span for e in exact for span in e.spans]
        told = self._notices(asked, documents, evidence, {span.document_id for span in spans})
        if verdict is not None and verdict.conflicting:
            told.append(notices.conflicting())
        if verdict is not None and not verdict.decided:
            told.append(self._undecided(verdict))
        return Reading(
            question_type=asked.type,
            statements=statements,
            verdict=verdict.label if verdict and verdict.decided else None,
            verdict_probabilities=rounded(verdict.probabilities) if verdict else {},
            exact_answers=exact,
            notices=tuple(told),
            strength=evidence.relevance,
        )

    def _verdict(self, asked: AskedFor, evidence: Evidence) -> OverallVerdict | None:
        if not asked.has_verdict:
            return None
        settings = self.settings
        return overall_verdict(evidence, settings.abstain_below, settings.verdict_above, settings.verdict_coverage)

    def _undecided(self, verdict: OverallVerdict) -> Notice:
        if not verdict.likely:
            return notices.undecided(verdict.probabilities, self.settings.verdict_above)
        return notices.uncovered(verdict.coverage, self.settings.verdict_coverage)

    def _statements(
        self, evidence: Evidence, verdict: OverallVerdict | None, exact: Sequence[ExactAnswer]
    ) -> tuple[Statement, ...]:
        weights = evidence.weight
        if verdict is not None:
            weights = weights * agreement(evidence.relation, verdict.label)
        elif exact:
            weights = weights * (0.3 + 0.7 * answer_weights(evidence, exact))
        chosen = _chosen(evidence, weights, self.settings.n_statements)
        if verdict is not None and (verdict.conflicting or not verdict.likely):
            chosen = self._with_other_side(chosen, evidence, verdict)
        return tuple(
            Statement(
                wording(evidence.passages[place].text),
                (evidence.passages[place].span,),
                round(float(evidence.weight[place]), 4),
            )
            for place in chosen
        )

    def _with_other_side(self, chosen: list[int], evidence: Evidence, verdict: OverallVerdict) -> list[int]:
        """One sentence that contradicts the likeliest verdict, since the documents disagree or it is not likely.

        It is of an article that counts in the verdict: what barely deals with the question is not its other side.
        """
        share = shares(evidence.documents)[[passage.document for passage in evidence.passages]]
        best = share[evidence.weight > 0].max(initial=0.0)
        weights = np.where(share >= LEAST_OF_BEST * best, evidence.weight, 0.0)
        other = weights * agreement(evidence.relation, "no" if verdict.label == "yes" else "yes")
        found = _chosen(evidence, other, 1)
        return [*chosen[: max(self.settings.n_statements - 1, 1)], *(place for place in found if place not in chosen)]

    def _notices(
        self, asked: AskedFor, documents: Sequence[Document], evidence: Evidence, cited: Collection[str]
    ) -> list[Notice]:
        relevant = [d for d, e in zip(documents, evidence.documents, strict=True) if e.relevance >= TOLD_OF]
        used = [document for document in documents if document.id in cited]
        told = notices.about_documents(relevant, used, retracted_allowed=self.settings.allow_retracted)
        if evidence.n_read < len(documents):
            told.append(notices.partly_read(evidence.n_read, len(documents), self.settings.budget_ms))
        return [*told, notices.language(asked.language)] if asked.language != "en" else told


def _chosen(evidence: Evidence, weights: np.ndarray, most: int) -> list[int]:
    """Places of the chosen sentences; those of weight 0 are never chosen."""
    return choose(evidence.passages, np.where(weights > 0, weights, -np.inf), most)
