"""The one shape of all tasks: questions with whatever gold they have, and which scorers judge them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ragqa.errors import SourceError
from ragqa.evaluate.measures.bioasq.question import URL, BioasqQuestion, BioasqSnippet, ExactAnswer
from ragqa.evaluate.tasks.evidence import GoldEvidence, Place
from ragqa.evaluate.tasks.formats.read import listed
from ragqa.manifest import content_hash
from ragqa.types import Document, Proposition, Question, QuestionType, TrialQuestion


@dataclass(frozen=True, slots=True)
class CorpusSource:
    """Where the task's own corpus lies: a corpus format of ragqa, the path to import, and how it is read.

    ``leave_out`` and ``question_as_title`` are as in :class:`ragqa.corpus.settings.CorpusSettings`.
    """

    format: str
    path: Path
    leave_out: tuple[str, ...] = ()
    question_as_title: bool = True


@dataclass(frozen=True, slots=True)
class TaskQuestion:
    """A question with its gold; what the task does not have is empty.

    Attributes
    ----------
    id
        Unique within the task.
    relevant
        Document id → grade, for retrieval.
    snippets
        Gold snippets, as BioASQ gives them.
    label
        The gold verdict (``yes``, ``no``, ``maybe``), the letter of the right option, or what the documents say to
        the claim.
    exact_answer
        Gold entries of a factoid or list question, each with its synonyms.
    ideal_answers
        Gold answers in sentences.
    contexts, context_labels
        The text that the setting hands to the reader instead of what is retrieved, and a heading for each.
        Empty: the reader gets what was retrieved.
    documents
        The documents that the setting hands to the reader, where there are more than one or they have sections.
    trial
        The question on a trial in its parts; None for any other question.
    evidence
        What each document says to a claim, and where.
    sentences
        The sentences of the given documents as the data divides them; evidence is scored by these.
    options
        Letter → text, for multiple choice. Never part of the query.
    topic
        The question that a sentence is part of the answer to.
    subset
        The set or batch of the task that the question belongs to.
    fold
        The fold that has the question as held-out data, or None.
    source_ids
        Documents that the question was made from. Whether they are in the corpus is part of a result.
    answerable
        False where the right behaviour is to abstain.
    """

    id: str
    text: str
    type: QuestionType | None = None
    relevant: Mapping[str, int] = field(default_factory=dict)
    snippets: tuple[BioasqSnippet, ...] = ()
    label: str = ""
    exact_answer: ExactAnswer | None = None
    ideal_answers: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    context_labels: tuple[str, ...] = ()
    documents: tuple[Document, ...] = ()
    trial: TrialQuestion | None = None
    evidence: tuple[GoldEvidence, ...] = ()
    sentences: tuple[Place, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    topic: str = ""
    subset: str = ""
    fold: int | None = None
    source_ids: tuple[str, ...] = ()
    answerable: bool = True


@dataclass(frozen=True, slots=True)
class Task:
    """A question set in one split and setting, with what scores it.

    Attributes
    ----------
    name
        ``beir``, ``r2med``, ``bioasq``, ``pubmedqa``, ``mirage``, ``sample`` or the name of an added task.
    split, setting
        The part of the data, and the rules; "" where the task has one only. Figures of different settings never
        share a column.
    questions
        In the order of the file.
    scorers
        Names of what scores the task (:mod:`ragqa.evaluate.tasks.scorers`).
    primary
        The measure that the task is known by.
    measures
        Retrieval measures, where ``retrieval`` is among the scorers.
    labels
        The fixed label set, where ``labels`` is.
    asserts
        True where the questions are claims, or questions on trials, that are labelled with one of ``labels``.
    corpus
        The task's own corpus, or None where any corpus may be searched.
    drop_query_id
        Drop a retrieved document whose id equals the question's.
    counts
        What was counted on reading (questions without gold, left out …).
    notes
        What a reader of the results must know.
    """

    name: str
    questions: tuple[TaskQuestion, ...]
    scorers: tuple[str, ...]
    primary: str
    split: str = ""
    setting: str = ""
    measures: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    asserts: bool = False
    corpus: CorpusSource | None = None
    drop_query_id: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def question_set_hash(task: Task) -> str:
    """sha256 of the questions with all their gold: equal hashes mean comparable runs."""
    return content_hash(task.questions)


def as_question(question: TaskQuestion) -> Question:
    """What an engine is asked: the text alone, never the options or the gold."""
    return Question(question.text, question.id, question.type)


def as_proposition(task: Task, question: TaskQuestion) -> Proposition:
    """What a labeller is asked: the claim, or the question on a trial, and the labels."""
    return Proposition(question.text, task.labels, question.trial)


def qrels(task: Task) -> dict[str, dict[str, int]]:
    """The judgements of the questions that have any."""
    return {question.id: dict(question.relevant) for question in task.questions if question.relevant}


def gold_labels(task: Task) -> dict[str, str]:
    """The labels of the questions that have one."""
    return {question.id: question.label for question in task.questions if question.label}


def bioasq_gold(task: Task) -> dict[str, BioasqQuestion]:
    """The questions as a BioASQ gold standard, for its measures and for exporting a submission."""
    return {
        question.id: BioasqQuestion(
            id=question.id,
            type=question.type,
            body=question.text,
            documents=tuple(URL + document for document, grade in question.relevant.items() if grade > 0),
            snippets=question.snippets,
            exact_answer=question.label or None if question.type == "yesno" else question.exact_answer,
            ideal_answers=question.ideal_answers,
        )
        for question in task.questions
    }


def checked(task: Task, origin: str) -> Task:
    """The task itself, once it has questions and no id twice.

    Raises
    ------
    SourceError
        It has not; the message counts.
    """
    if not task.questions:
        raise SourceError(f"{origin} has no question for the task {task.name!r}; check the split and the files")
    occurrences = Counter(question.id for question in task.questions)
    twice = [question_id for question_id, n_times in occurrences.items() if n_times > 1]
    if twice:
        raise SourceError(
            f"{origin}: {len(twice)} question ids occur more than once ({listed(twice)}); keep one of each"
        )
    return task
