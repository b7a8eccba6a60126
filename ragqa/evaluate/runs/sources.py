"""What the answers of a run are judged by: the passages they were given, what they cite, or gold text."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from ragqa import products
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import abstract_sections, title_of
from ragqa.errors import ProductError, UsageError
from ragqa.evaluate.measures.facts import NAMES
from ragqa.evaluate.runs.folder import RunManifest
from ragqa.evaluate.runs.lines import QuestionLine
from ragqa.evaluate.runs.task import given_documents
from ragqa.evaluate.tasks.task import TaskQuestion
from ragqa.types import Document

_ELSE = "judge the answers by what the run itself holds: --against cited, or --against gold"


class Sources:
    """Finds the passages of each question; a context manager, since it may hold the run's corpus open."""

    def __init__(self, manifest: RunManifest, against: str) -> None:
        if against not in NAMES:
            raise UsageError(f"answers are not judged by {against!r}; --against is one of {', '.join(NAMES)}")
        self._manifest, self._against = manifest, against
        self._store: DocumentStore | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._store is not None:
            self._store.close()

    def of(self, line: QuestionLine, question: TaskQuestion) -> tuple[str, ...]:
        """The passages that the answer in ``line`` is judged by, none empty.

        Raises
        ------
        UsageError
            The run's corpus is not there, or the run does not tell what its reader was given.
        ProductError
            The corpus is damaged, or no longer has the state, or a document, that the run was made from.
        """
        if self._against == "gold":
            return gold_texts(question)
        if self._against == "cited":
            return _without_empty([section.text for section in line.cited])
        return _without_empty([_text_of(document) for document in self._given(line, question)])

    def _given(self, line: QuestionLine, question: TaskQuestion) -> Sequence[Document]:
        if question.contexts:
            return given_documents(question)
        if question.documents:
            return question.documents
        settings = self._manifest.recipe.get("answer")
        if not isinstance(settings, dict) or "corpus" not in self._manifest.inputs:
            raise UsageError(f"the run {self._manifest.id} does not tell what its answers were given; {_ELSE}")
        ids = line.hits.document_ids[: int(settings["n_documents"])]
        if not ids:
            return ()
        rows = self._opened().find(ids)
        if (rows < 0).any():
            lost = ids[int((rows < 0).argmax())]
            raise ProductError(f"the corpus of the run {self._manifest.id} has no document {lost!r} any more; {_ELSE}")
        return self._opened().read(rows)

    def _opened(self) -> DocumentStore:
        if self._store is None:
            inputs = self._manifest.inputs
            try:
                self._store = products.open_store(inputs["corpus"], inputs.get("corpus_state", ""))
            except (UsageError, ProductError) as error:
                raise type(error)(f"{error}; or {_ELSE}") from error
        return self._store


def gold_texts(question: TaskQuestion) -> tuple[str, ...]:
    """The gold answers in sentences, and after them the gold snippets or the text that the question was made from."""
    snippets = [snippet.text for snippet in question.snippets] or list(question.contexts)
    return _without_empty([*question.ideal_answers, *snippets])


def _text_of(document: Document) -> str:
    """Title and parts of the abstract, an empty line between them, so that no sentence runs on into the next part."""
    return "\n\n".join([title_of(document), *(section.text for section in abstract_sections(document))]).strip()


def _without_empty(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text.strip()))
