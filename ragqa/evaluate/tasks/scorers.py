"""How a task and what a system made of it become scores: scorers by name, those of ragqa and those of other packages.

A task names its scorers; each gives one group of measures, which its module declares. A package adds a scorer with an
entry point in the group ``ragqa.scorers`` that names a :class:`Scorer`. ``retrieval`` is not among them: a run has more
hits than fit in memory, so that it is scored while the lines are read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from ragqa.errors import BackendError, UsageError, nearest
from ragqa.evaluate.measures.abstention import score_selective
from ragqa.evaluate.measures.bioasq.documents import score_documents
from ragqa.evaluate.measures.bioasq.exact import score_exact_answers
from ragqa.evaluate.measures.bioasq.question import BioasqQuestion
from ragqa.evaluate.measures.bioasq.snippets import score_snippets
from ragqa.evaluate.measures.calibration import score_calibration
from ragqa.evaluate.measures.choices import score_choices
from ragqa.evaluate.measures.citations import cited_sentences, score_alce, score_citations
from ragqa.evaluate.measures.entailment import EntailmentModel, LexicalOverlap
from ragqa.evaluate.measures.labels import PUBMEDQA_LABELS, score_labels
from ragqa.evaluate.measures.measure import Scores
from ragqa.evaluate.measures.rouge import score_ideal_answers
from ragqa.evaluate.tasks.answerability_scores import answerability_scores, correction_scores
from ragqa.evaluate.tasks.biogen import grounding_scores, limit_scores
from ragqa.evaluate.tasks.evidence_scores import rationale_scores, verification_scores
from ragqa.evaluate.tasks.outcomes import Outcomes, exact_answer_of, submission_of, verdicts
from ragqa.evaluate.tasks.search_scores import confidence_scores, searching_scores, short_answer_scores
from ragqa.evaluate.tasks.task import Task, bioasq_gold, gold_labels
from ragqa.types import Statement

GROUP = "ragqa.scorers"
RETRIEVAL = "retrieval"
SEARCHING = "searching"
Score = Callable[[Task, Outcomes, EntailmentModel], Scores]


@dataclass(frozen=True, slots=True)
class Scorer:
    """One group of measures: ``score(task, outcomes, entailment_model)``, and whether a reader has to answer for it."""

    score: Score
    reads: bool = True


def scorer(name: str) -> Scorer:
    """The scorer called ``name``.

    Raises
    ------
    UsageError
        There is none; the nearest is named.
    BackendError
        The package that adds it does not load.
    """
    if name in _SCORERS:
        return _SCORERS[name]
    points = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name not in points:
        raise UsageError(f"there is no scorer {name!r}; {nearest(name, [*_SCORERS, *points])}")
    try:
        found = points[name].load()
    except (ImportError, AttributeError) as error:
        raise BackendError(f"the scorer {name!r} of {points[name].value} does not load: {error}") from error
    if not isinstance(found, Scorer):
        raise BackendError(f"{points[name].value} is no Scorer; write an entry point that names one")
    return found


def needs_reader(task: Task) -> bool:
    """Whether the task is scored by what a reader makes of the documents."""
    return any(name != RETRIEVAL and scorer(name).reads for name in task.scorers)


def _labels(task: Task, outcomes: Outcomes, model: EntailmentModel) -> Scores:  # noqa: ARG001
    return score_labels(gold_labels(task), verdicts(task, outcomes), task.labels or PUBMEDQA_LABELS)


def _choices(task: Task, outcomes: Outcomes, model: EntailmentModel) -> Scores:  # noqa: ARG001
    sets = {question.id: question.subset for question in task.questions}
    several = sets if len(set(sets.values())) > 1 else None
    return score_choices(gold_labels(task), outcomes.choices, several)


def _calibration(task: Task, outcomes: Outcomes, model: EntailmentModel) -> Scores:  # noqa: ARG001
    gold = gold_labels(task)
    chances: dict[str, Mapping[str, float]] = {
        **{question_id: answer.verdict_probabilities for question_id, answer in outcomes.answers.items()},
        **{question_id: label.probabilities for question_id, label in outcomes.labels.items()},
    }
    chances = {question_id: found for question_id, found in chances.items() if question_id in gold}
    return score_calibration(gold, chances, task.labels or PUBMEDQA_LABELS)


def _selective(task: Task, outcomes: Outcomes, model: EntailmentModel) -> Scores:  # noqa: ARG001
    gold = gold_labels(task)
    given = verdicts(task, outcomes)
    if not task.labels:  # BioASQ: yes or no
        given = {
            question_id: exact_answer_of("yesno", outcomes.answers[question_id])  # type: ignore[misc]
            for question_id in given
            if not outcomes.answers[question_id].abstained
        }
    return score_selective({q: None if given.get(q) is None else given[q] == label for q, label in gold.items()})


def _statements(task: Task, outcomes: Outcomes) -> dict[str, Sequence[Statement] | None]:
    found: dict[str, Sequence[Statement] | None] = {}
    for question in task.questions:
        answer = outcomes.answers.get(question.id)
        found[question.id] = answer.statements if answer is not None else None
    return found


def _citations(task: Task, outcomes: Outcomes, model: EntailmentModel) -> Scores:
    def section_text(document_id: str, section: str) -> str | None:
        return outcomes.sections.get((document_id, section))

    statements = _statements(task, outcomes)
    facts = score_citations(statements, section_text)
    sentences = {q: cited_sentences(found, section_text) if found else None for q, found in statements.items()}
    try:
        alce = score_alce(sentences, model)
    except UsageError as error:
        return Scores(facts.measures, facts.counts, (*facts.notes, f"citation recall and precision: {error}"))
    counts = {**facts.counts, **{f"alce_{name}": count for name, count in alce.counts.items()}}
    note = f"alce_*[{model.name}]: {model.name} is no entailment model" if isinstance(model, LexicalOverlap) else ""
    return Scores({**facts.measures, **alce.measures}, counts, (*facts.notes, *([note] if note else [])))


def _bioasq(
    score: Callable[[Mapping[str, BioasqQuestion], Mapping[str, BioasqQuestion]], Scores],
) -> Callable[[Task, Outcomes, EntailmentModel], Scores]:
    return lambda task, outcomes, _model: score(bioasq_gold(task), submission_of(task, outcomes))


def _rouge(task: Task, outcomes: Outcomes, model: EntailmentModel) -> Scores:  # noqa: ARG001
    gold = {question.id: question.ideal_answers for question in task.questions}
    return score_ideal_answers(gold, {question_id: answer.text for question_id, answer in outcomes.answers.items()})


_SCORERS: dict[str, Scorer] = {
    "bioasq_documents": Scorer(_bioasq(score_documents), reads=False),
    "bioasq_snippets": Scorer(_bioasq(score_snippets)),
    "bioasq_exact": Scorer(_bioasq(score_exact_answers)),
    "rouge": Scorer(_rouge),
    "labels": Scorer(_labels),
    "choices": Scorer(_choices),
    "calibration": Scorer(_calibration),
    "selective": Scorer(_selective),
    "citations": Scorer(_citations),
    "answerability": Scorer(lambda task, outcomes, _model: answerability_scores(task, outcomes)),
    "grounding": Scorer(lambda task, outcomes, _model: grounding_scores(task, outcomes)),
    "limits": Scorer(lambda task, outcomes, _model: limit_scores(task, outcomes)),
    "corrections": Scorer(correction_scores),
    SEARCHING: Scorer(lambda task, outcomes, _model: searching_scores(task, outcomes)),
    "short_answers": Scorer(lambda task, outcomes, _model: short_answer_scores(task, outcomes)),
    "confidence": Scorer(lambda task, outcomes, _model: confidence_scores(task, outcomes)),
    "rationale": Scorer(lambda task, outcomes, _model: rationale_scores(task, outcomes.labels)),
    "verification": Scorer(lambda task, outcomes, _model: verification_scores(task, outcomes.labels)),
}
