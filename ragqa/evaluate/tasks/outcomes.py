"""What a system made of a task's questions, in the form that scorers and exports take."""

from dataclasses import dataclass, field

from ragqa.evaluate.measures.bioasq.question import MAX_FACTOIDS, BioasqQuestion, BioasqSnippet, ExactAnswer, pmid_url
from ragqa.evaluate.tasks.task import Task, gold_labels
from ragqa.types import Answer, ScoredSpan, SearchStep, Span


@dataclass(frozen=True, slots=True)
class DocumentLabel:
    """What one retrieved document was taken to say: a label, and the spans shown as evidence, best first."""

    label: str
    evidence: list[Span] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LabelOutcome:
    """What a labeller made of a claim, or of a question on a trial.

    Attributes
    ----------
    label
        The likeliest label; None where none could be read.
    probabilities
        Of each label.
    evidence
        The spans that it weighed, best first, and which of them it shows as its evidence.
    by_document
        Where documents were retrieved: what each of them says. The one that says most clearly that the claim holds, or
        does not, decides.
    only_evidence, without_evidence
        The probabilities from the chosen evidence alone, and from the documents with it cut out; empty where no
        evidence was chosen.
    """

    label: str | None = None
    probabilities: dict[str, float] = field(default_factory=dict)
    evidence: list[ScoredSpan] = field(default_factory=list)
    by_document: dict[str, DocumentLabel] = field(default_factory=dict)
    only_evidence: dict[str, float] = field(default_factory=dict)
    without_evidence: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """How a question was searched for.

    Attributes
    ----------
    n_searches
        How many searches were made.
    retrieved
        The documents that they brought, once each, in the order in which they were found.
    cited
        The documents that the answer cites.
    steps
        The searches in order; empty where only their number is known.
    """

    n_searches: int
    retrieved: list[str] = field(default_factory=list)
    cited: list[str] = field(default_factory=list)
    steps: list[SearchStep] = field(default_factory=list)


@dataclass(slots=True)
class Outcomes:
    """What the lines of a run say, kept small: one entry a question that has a line.

    A question that failed has an error and nothing else. ``documents`` are the first ten.
    """

    documents: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    snippets: dict[str, tuple[BioasqSnippet, ...]] = field(default_factory=dict)
    sections: dict[tuple[str, str], str] = field(default_factory=dict)
    choices: dict[str, str | None] = field(default_factory=dict)
    labels: dict[str, LabelOutcome] = field(default_factory=dict)
    searches: dict[str, SearchOutcome] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def submission_of(task: Task, outcomes: Outcomes) -> dict[str, BioasqQuestion]:
    """The outcomes as a BioASQ submission; questions without an outcome are missing from it."""
    submission = {}
    for question in task.questions:
        if question.id not in outcomes.documents:
            continue
        answer = outcomes.answers.get(question.id)
        submission[question.id] = BioasqQuestion(
            id=question.id,
            type=question.type,
            body=question.text,
            documents=tuple(map(pmid_url, outcomes.documents[question.id])),
            snippets=outcomes.snippets.get(question.id, ()),
            exact_answer=exact_answer_of(question.type, answer) if answer is not None else None,
            ideal_answers=(answer.text,) if answer is not None and answer.text else (),
        )
    return submission


def exact_answer_of(question_type: str | None, answer: Answer) -> ExactAnswer | None:
    """The exact answer as BioASQ has it.

    A yes/no question knows no ``maybe``: the likelier of yes and no is taken.
    """
    if question_type == "yesno":
        if answer.verdict in ("yes", "no"):
            return answer.verdict
        chances = answer.verdict_probabilities
        return max(("yes", "no"), key=lambda label: chances.get(label, 0.0)) if chances else None
    entries = tuple((exact.text,) for exact in answer.exact_answers)
    if question_type == "factoid":
        return entries[:MAX_FACTOIDS] or None
    return entries or None if question_type == "list" else None


def verdicts(task: Task, outcomes: Outcomes) -> dict[str, str | None]:
    """Question id → verdict or label, None under an abstention; questions that failed are missing."""
    found: dict[str, str | None] = {}
    for question_id in gold_labels(task):
        if question_id in outcomes.labels:
            found[question_id] = outcomes.labels[question_id].label
        answer = outcomes.answers.get(question_id)
        if answer is not None:
            found[question_id] = answer.verdict
    return found
