"""A task made ready for the loop: what is searched, what is read, and a copy of its gold beside the lines.

The copy (``task.json``) makes a run folder complete: it can be scored, compared and reported on without the task's
files, on another machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import named_abstract_sections
from ragqa.evaluate.runs.labelling import Labeller
from ragqa.evaluate.runs.loop import Work
from ragqa.evaluate.runs.reading import Item
from ragqa.evaluate.tasks.scorers import SEARCHING, needs_reader
from ragqa.evaluate.tasks.task import Task, TaskQuestion, as_proposition, as_question
from ragqa.manifest import read_json, write_json
from ragqa.types import Document

TASK_FILE = "task.json"
N_HITS = 100
_PMID_CATEGORY = {"CONCLUSION": "CONCLUSIONS"}
_CATEGORIES = frozenset({"BACKGROUND", "OBJECTIVE", "METHODS", "RESULTS", "CONCLUSIONS"})


@dataclass(frozen=True, slots=True)
class RunTask:
    """A task as its run keeps it.

    Attributes
    ----------
    task
        The task, without the place of its corpus.
    not_in_corpus
        Judged relevant documents that the corpus lacks.
    n_sources, n_sources_in_corpus
        Documents that questions were made from, and how many of them the corpus holds: what leaks.
    n_documents
        Size of the corpus.
    """

    task: Task
    not_in_corpus: tuple[str, ...] = ()
    n_sources: int = 0
    n_sources_in_corpus: int = 0
    n_documents: int = 0


def run_task(task: Task, store: DocumentStore) -> RunTask:
    """The task with what its corpus lacks and leaks."""
    bare = replace(task, corpus=None)
    relevant = sorted({d for question in task.questions for d, grade in question.relevant.items() if grade > 0})
    sources = sorted({source for question in task.questions for source in question.source_ids})
    lacking = [document for document, row in zip(relevant, store.find(relevant), strict=True) if row < 0]
    n_found = int((store.find(sources) >= 0).sum()) if sources else 0
    return RunTask(bare, tuple(lacking), len(sources), n_found, len(store))


def write_task(folder: Path, task: RunTask) -> None:
    """Write ``task.json``."""
    write_json(folder / TASK_FILE, task)


def read_task(folder: Path) -> RunTask:
    """The task of the run in ``folder``.

    Raises
    ------
    ProductError
        It is missing or damaged.
    """
    return read_json(folder / TASK_FILE, RunTask, "run the same command again, or delete the folder")


def searches(task: Task) -> bool:
    """Whether any question is searched for: then the task needs an index."""
    return any(not question.contexts and not question.documents for question in task.questions)


def work_of(task: Task, batch: int, n_hits: int = N_HITS, labeller: Labeller | None = None) -> Work:
    """What the loop does for the task; a labeller takes the reader's place."""
    return Work(
        items=[_item(task, question, labeller) for question in task.questions],
        n_hits=n_hits,
        read=needs_reader(task),
        batch=batch,
        drop_own_id=task.drop_query_id,
    )


def given_documents(question: TaskQuestion) -> tuple[Document, ...]:
    """The documents that the setting hands to the reader.

    Contexts under the headings of an abstract are the sections of one document, the one that the question was made
    from. Contexts labelled with document ids (BioASQ's snippets) are sections of those documents.
    """
    labels = question.context_labels or ("",) * len(question.contexts)
    if question.snippets:
        by_document: dict[str, list[str]] = {}
        for label, text in zip(labels, question.contexts, strict=True):
            by_document.setdefault(label, []).append(text)
        return tuple(
            _document(document_id, [(text, "") for text in texts]) for document_id, texts in by_document.items()
        )
    source = question.source_ids[0] if question.source_ids else question.id
    return (_document(source, list(zip(question.contexts, labels, strict=True))),)


def _document(document_id: str, parts: Sequence[tuple[str, str]]) -> Document:
    sections = [(text, label, _category(label)) for text, label in parts if text.strip()]
    return Document(id=document_id, sections=named_abstract_sections(sections) if sections else ())


def _category(label: str) -> str:
    upper = _PMID_CATEGORY.get(label.upper(), label.upper())
    return upper if upper in _CATEGORIES else ""


def _item(task: Task, question: TaskQuestion, labeller: Labeller | None) -> Item:
    if task.asserts or labeller is not None:
        proposition = as_proposition(task, question)
        documents = given_documents(question) if question.contexts else question.documents
        query = "" if documents else question.text
        return Item(as_question(question), query, documents, proposition=proposition, labeller=labeller)
    if question.contexts:
        return Item(as_question(question), documents=given_documents(question), options=question.options)
    keeps_searches = SEARCHING in task.scorers
    return Item(as_question(question), query=question.text, options=question.options, keeps_searches=keeps_searches)
