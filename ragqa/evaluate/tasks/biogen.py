"""TREC BioGen 2025: articles for and against each sentence of an answer (A), and short cited answers (B)."""

from collections.abc import Sequence
from pathlib import Path

from ragqa.errors import UsageError
from ragqa.evaluate.measures.grounding import SentenceCitations, score_grounding, score_limits
from ragqa.evaluate.measures.measure import Scores
from ragqa.evaluate.tasks.evidence import CLAIM_LABELS, CONTRADICTS, SUPPORTS, GoldEvidence
from ragqa.evaluate.tasks.formats.biogen import Cited, GroundedAnswer, read_answers, read_topics, sentence_id
from ragqa.evaluate.tasks.formats.splits import chosen_setting
from ragqa.evaluate.tasks.outcomes import Outcomes
from ragqa.evaluate.tasks.task import Task, TaskQuestion, checked

NAME = "biogen"
SETTINGS = ("A", "B")


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read a file of BioGen.

    Parameters
    ----------
    data
        ``A``: the answers with their sentences (the input, or gold in the form of a submission: with its
        ``supported_citations`` and ``contradicted_citations`` a run is scored). ``B``: the topics.
    split
        There are none.
    setting
        ``A`` (default): each sentence is a claim that is searched for. ``B``: each topic is a question.

    Raises
    ------
    UsageError
        No data, a split, or an unknown setting was given.
    SourceError
        The file is missing or malformed.
    """
    setting = chosen_setting(NAME, setting, SETTINGS)
    if split:
        raise UsageError(f"the task {NAME!r} has no splits; leave --split out (it is {split!r})")
    if data is None:
        raise UsageError(
            f"the task {NAME!r} needs its data: --data FILE, the answers of task A or the topics of task B"
        )
    return (checked(_grounding(data) if setting == "A" else _answering(data), str(data)),)


def _grounding(path: Path) -> Task:
    answers = read_answers(path)
    questions = tuple(
        TaskQuestion(
            id=sentence_id(answer.id, number),
            text=text,
            topic=answer.question,
            subset=answer.id,
            source_ids=found.existing,
            evidence=tuple(
                GoldEvidence(article, label)
                for label, articles in ((SUPPORTS, found.supporting), (CONTRADICTS, found.contradicting))
                for article in articles
            ),
        )
        for answer in answers
        for number, (text, found) in enumerate(answer.sentences, start=1)
    )
    return Task(
        name=NAME,
        setting="A",
        questions=questions,
        scorers=("grounding",),
        primary="supporting_citations_f1",
        labels=CLAIM_LABELS,
        asserts=True,
        counts={"n_questions": len(questions), "n_answers": len(answers)},
    )


def _answering(path: Path) -> Task:
    questions = tuple(TaskQuestion(topic_id, question, type="summary") for topic_id, question in read_topics(path))
    return Task(
        name=NAME,
        setting="B",
        questions=questions,
        scorers=("citations", "limits"),
        primary="statements_cited",
        counts={"n_questions": len(questions)},
    )


def grounding_scores(task: Task, outcomes: Outcomes) -> Scores:
    """The citations found for the sentences against the gold ones."""
    gold = {question.id: _gold(question) for question in task.questions}
    given = {question.id: found_citations(question, outcomes) for question in task.questions}
    return score_grounding(gold, {question_id: found for question_id, found in given.items() if found is not None})


def limit_scores(task: Task, outcomes: Outcomes) -> Scores:
    """Whether the answers keep to the limits of task B."""
    return score_limits({question.id: cited_sentences(question, outcomes) for question in task.questions})


def found_citations(question: TaskQuestion, outcomes: Outcomes) -> SentenceCitations | None:
    """Articles that were labelled for a sentence, in the order in which they were found; None where it failed."""
    label = outcomes.labels.get(question.id)
    if label is None:
        return None

    def labelled(wanted: str) -> tuple[str, ...]:
        return tuple(document_id for document_id, said in label.by_document.items() if said.label == wanted)

    return SentenceCitations(labelled(SUPPORTS), labelled(CONTRADICTS), question.source_ids)


def grounded_answers(task: Task, outcomes: Outcomes) -> list[GroundedAnswer]:
    """What a run of task A found, answer by answer."""
    by_answer: dict[str, list[TaskQuestion]] = {}
    for question in task.questions:
        by_answer.setdefault(question.subset, []).append(question)
    return [
        GroundedAnswer(
            answer_id,
            sentences[0].topic,
            tuple(
                (one.text, found_citations(one, outcomes) or SentenceCitations(existing=one.source_ids))
                for one in sentences
            ),
        )
        for answer_id, sentences in by_answer.items()
    ]


def cited_sentences(question: TaskQuestion, outcomes: Outcomes) -> Cited:
    """The sentences of an answer of task B, each with the articles that it cites."""
    answer = outcomes.answers.get(question.id)
    statements: Sequence[tuple[str, Sequence[str]]] = (
        [(one.text, tuple(dict.fromkeys(span.document_id for span in one.spans))) for one in answer.statements]
        if answer is not None
        else []
    )
    return statements


def _gold(question: TaskQuestion) -> SentenceCitations:
    told = {
        label: tuple(one.document_id for one in question.evidence if one.label == label)
        for label in (SUPPORTS, CONTRADICTS)
    }
    return SentenceCitations(told[SUPPORTS], told[CONTRADICTS], question.source_ids)
