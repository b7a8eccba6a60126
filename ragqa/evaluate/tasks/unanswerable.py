"""Questions half of which cannot be answered, because the documents that answer them are kept out of the corpus.

PubMedQA's questions are asked of the abstracts of PQA-L, SciFact's claims of its corpus, each without half of the
documents. Which half is decided by a hash of the document's id, so that it is the same everywhere, and does not change
when questions are added.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.tasks import pubmedqa
from ragqa.evaluate.tasks.claims import scifact
from ragqa.evaluate.tasks.formats.splits import chosen_setting
from ragqa.evaluate.tasks.task import CorpusSource, Task, TaskQuestion, checked

NAME = "unanswerable"
SETTINGS = ("pubmedqa", "scifact")


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read the questions, and say what is to be kept out of the corpus.

    Parameters
    ----------
    data
        ``pubmedqa``: ``ori_pqal.json``, or the folder with it. ``scifact``: what the task ``scifact-claims`` takes,
        with BEIR's ``corpus.jsonl``.
    split
        As these tasks have it.
    setting
        ``pubmedqa`` (default) or ``scifact``.

    Raises
    ------
    UsageError
        No data, or an unknown split or setting, was given.
    SourceError
        A file is missing or malformed.
    """
    setting = chosen_setting(NAME, setting, SETTINGS)
    if data is None:
        raise UsageError(
            f"the task {NAME!r} needs its data: --data ori_pqal.json, or SciFact's folder (--setting scifact)"
        )
    task = _pubmedqa(data, split) if setting == "pubmedqa" else _scifact(data, split)
    n_answerable = sum(question.answerable for question in task.questions)
    counts = {
        "n_questions": len(task.questions),
        "n_answerable": n_answerable,
        "n_unanswerable": len(task.questions) - n_answerable,
        "n_documents_left_out": len(task.corpus.leave_out) if task.corpus else 0,
    }
    ready = replace(
        task,
        name=NAME,
        setting=setting,
        scorers=("answerability",),
        primary="answerability_f1",
        measures=(),
        counts=counts,
    )
    return (checked(ready, str(data)),)


def is_left_out(document_id: str) -> bool:
    """Whether a document is kept out of the corpus: one bit of a hash of its id.

    >>> [is_left_out(document_id) for document_id in ("1", "2", "3", "4")]
    [True, False, False, True]
    """
    return bool(hashlib.sha256(document_id.encode()).digest()[0] & 1)


def _pubmedqa(data: Path, split: str | None) -> Task:
    path = data / "ori_pqal.json" if data.is_dir() else data
    (task,) = pubmedqa.load(path, split, "question-only")
    questions = tuple(_asked(question, not is_left_out(question.id)) for question in task.questions)
    left_out = tuple(question.id for question in questions if not question.answerable)
    # The question is the title of its article: found by it, an article that is there would give itself away.
    return replace(task, questions=questions, corpus=CorpusSource("pubmedqa", path, left_out, question_as_title=False))


def _scifact(data: Path, split: str | None) -> Task:
    (task,) = scifact.load(data, split, "open")
    if task.corpus is None:
        raise SourceError(
            f"{data}: BEIR's corpus.jsonl is needed to build a corpus; put it in ../beir/scifact beside it"
        )
    relevant = sorted({document_id for question in task.questions for document_id in question.relevant})
    left_out = tuple(document_id for document_id in relevant if is_left_out(document_id))
    # Claims whose documents contradict each other have no label, and nothing would be right.
    questions = tuple(
        _asked(question, any(not is_left_out(document_id) for document_id in question.relevant))
        for question in task.questions
        if question.label
    )
    return replace(task, questions=questions, corpus=replace(task.corpus, leave_out=left_out))


def _asked(question: TaskQuestion, answerable: bool) -> TaskQuestion:
    if answerable:
        return question
    return replace(question, label="", relevant={}, evidence=(), sentences=(), answerable=False)
