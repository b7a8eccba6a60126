"""The evidence behind labels → scores: ERASER's measures and SciFact's."""

from collections.abc import Mapping

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Scores, merged
from ragqa.evaluate.measures.rationale import ReadEvidence, Stretch, score_faithfulness, score_rationales
from ragqa.evaluate.measures.verification import GoldAbstract, LabelledAbstract, score_verification
from ragqa.evaluate.tasks.evidence import NEITHER, Place, touched
from ragqa.evaluate.tasks.outcomes import LabelOutcome
from ragqa.evaluate.tasks.task import Task, TaskQuestion
from ragqa.types import Span


def rationale_scores(task: Task, labels: Mapping[str, LabelOutcome]) -> Scores:
    """ERASER's measures of a run; those of faithfulness only where the reader showed evidence."""
    asked = {question.id: question for question in task.questions}
    texts = {
        question.id: {
            _name(document.id, section.name): section.text
            for document in question.documents
            for section in document.sections
            if section.name != "title"
        }
        for question in task.questions
    }
    gold = {question.id: tuple(map(_stretch, _gold_places(question))) for question in task.questions}
    read = {question_id: _read(label) for question_id, label in labels.items() if question_id in asked}
    agreement = score_rationales(texts, gold, read)
    told = {question_id: label for question_id, label in labels.items() if label.only_evidence}
    try:
        faithfulness = score_faithfulness(
            {question_id: label.probabilities for question_id, label in told.items()},
            {question_id: label.only_evidence for question_id, label in told.items()},
            {question_id: label.without_evidence for question_id, label in told.items()},
        )
    except UsageError as error:
        return Scores(agreement.measures, agreement.counts, (f"sufficiency and comprehensiveness: {error}",))
    counts = {"n_faithfulness": faithfulness.counts["n_questions"]}
    return merged([agreement, Scores(faithfulness.measures, counts)])


def verification_scores(task: Task, labels: Mapping[str, LabelOutcome]) -> Scores:
    """SciFact's measures of a run, in which a question is a claim with one abstract or all retrieved."""
    divided = any(question.sentences for question in task.questions)
    gold = {
        question.id: {
            evidence.document_id: GoldAbstract(
                evidence.label, tuple(frozenset(touched(question.sentences, places)) for places in evidence.rationales)
            )
            for evidence in question.evidence
        }
        for question in task.questions
    }
    given = {
        question.id: _abstracts(question, labels[question.id]) for question in task.questions if question.id in labels
    }
    return score_verification(gold, given, by_sentence=divided)


def _abstracts(question: TaskQuestion, label: LabelOutcome) -> dict[str, LabelledAbstract]:
    if not question.documents:
        return {
            document_id: LabelledAbstract(said.label, tuple(touched(question.sentences, map(_place, said.evidence))))
            for document_id, said in label.by_document.items()
            if said.label != NEITHER
        }
    if label.label in (None, NEITHER):
        return {}
    marked = [_place(found.span) for found in label.evidence if found.chosen]
    sentences = tuple(touched(question.sentences, marked))
    return {document.id: LabelledAbstract(str(label.label), sentences) for document in question.documents}


def _gold_places(question: TaskQuestion) -> dict[Place, None]:
    return dict.fromkeys(
        place for evidence in question.evidence for rationale in evidence.rationales for place in rationale
    )


def _read(label: LabelOutcome) -> ReadEvidence:
    scores = tuple((_stretch(_place(found.span)), found.score) for found in label.evidence)
    chosen = tuple(_stretch(_place(found.span)) for found in label.evidence if found.chosen)
    return ReadEvidence(chosen, scores)


def _place(span: Span) -> Place:
    return Place(span.document_id, span.section, span.begin, span.end)


def _stretch(place: Place) -> Stretch:
    return _name(place.document_id, place.section), place.begin, place.end


def _name(document_id: str, section: str) -> str:
    return f"{document_id} {section}"
