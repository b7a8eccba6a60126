"""The stages before reading: what an opened index finds for questions, and in which order."""

from collections.abc import Sequence

from ragqa.answer.as_read import AsRead, as_read
from ragqa.corpus.store import DocumentStore
from ragqa.errors import UsageError
from ragqa.index.open import Index
from ragqa.recipe import Recipe
from ragqa.retrieve.expand import open_expander
from ragqa.retrieve.fielded.search import FieldedSearch
from ragqa.retrieve.filter_names import FilterNames
from ragqa.retrieve.fuse import Candidates, refuse_partly
from ragqa.retrieve.rerank import Reranker
from ragqa.retrieve.retriever import Retriever, found_rows, hits_of, rerank
from ragqa.types import Document, Filter, Hit, Question


class Searcher:
    """An opened index with its corpus and reranker. It may be shared between threads; close it."""

    def __init__(self, store: DocumentStore, index: Index, settings: Recipe, reranker: Reranker | None) -> None:
        self.store = store
        self.index = index
        self.recipe = settings
        self.filter_names = FilterNames(store, store.n_allowed if index.bm25 is None else index.bm25.n_allowed)
        expander = open_expander(settings.retrieve, settings.answer.chat)
        self._retriever = Retriever(store, index, settings.retrieve, expander)
        self._reranker = reranker

    def as_read(self, question: str | Question, allowed: Filter = Filter()) -> AsRead:
        """The question as the stages take it: in the words of the index, unless the recipe says otherwise.

        Raises
        ------
        UsageError
            It is empty or over 100,000 characters, no year lies in the filter, or the index does not know a name in it.
        """
        return self.all_as_read([question], allowed)[0]

    def all_as_read(self, questions: Sequence[str | Question], allowed: Filter = Filter()) -> list[AsRead]:
        """As :meth:`as_read`, for several questions with one filter."""
        resolved = self.filter_names.resolved(allowed)
        return [self._as_read(question, resolved) for question in questions]

    def also_searched(self, question: AsRead, text: str) -> AsRead:
        """Another text that is searched for in order to answer a question: what may be found is the same."""
        return self._as_read(text, question.allowed)

    def _as_read(self, question: str | Question, resolved: Filter) -> AsRead:
        asked = Question(question) if isinstance(question, str) else question
        return as_read(
            asked,
            self.index.lexicon,
            resolved,
            normalises=self.recipe.retrieve.normalise,
            mesh=self.store.mesh(),
        )

    def retrieve(self, questions: Sequence[AsRead], k: int, timings_ms: dict[str, float] | None = None) -> Candidates:
        """First stage: the fused candidates, at least ``k`` for each question where the corpus has as many.

        Raises
        ------
        UsageError
            ``k`` is below 1, or the questions differ in what may be found.
        """
        if k < 1:
            raise UsageError(f"k is {k}; it must be at least 1")
        filters = {question.allowed for question in questions} or {Filter()}
        if len(filters) > 1:
            raise UsageError(f"the questions have {len(filters)} filters; search for those of one filter at a time")
        searched = [question.searched for question in questions]
        return self._retriever.retrieve(searched, k, filters.pop(), timings_ms if timings_ms is not None else {})

    def retrieve_whole(self, questions: Sequence[AsRead], k: int) -> Candidates:
        """As :meth:`retrieve`, for what has no place to tell that a part of the index was not searched.

        Raises
        ------
        ClusterError
            A cluster did not search a part.
        """
        found = self.retrieve(questions, k)
        refuse_partly(found.unsearched)
        return found

    def rerank(self, questions: Sequence[AsRead], candidates: Candidates) -> Candidates:
        """Second stage: the first ``rerank.depth`` candidates of each question in their final order."""
        settings = self.recipe.rerank
        if self._reranker is None and settings.evidence_weight == 0:
            return candidates
        heads = [self.store.read(found_rows(candidates, query, settings.depth)) for query in range(len(questions))]
        texts = [question.read.text for question in questions]
        return rerank(texts, candidates, heads, self._reranker, settings)

    def hits(self, candidates: Candidates, query: int, k: int) -> tuple[Hit, ...]:
        """The first ``k`` candidates of one question as hits."""
        rows = found_rows(candidates, query, k)
        return hits_of(candidates, query, self.store.ids(rows))

    def search(self, question: str, k: int = 10, allowed: Filter = Filter()) -> tuple[Hit, ...]:
        """The ``k`` best documents for a question, best first; see :meth:`search_batch`."""
        return self.search_batch([question], k, allowed)[0]

    def search_batch(self, questions: Sequence[str], k: int = 10, allowed: Filter = Filter()) -> list[tuple[Hit, ...]]:
        """The ``k`` best documents for each question, reranked as the recipe says.

        Raises
        ------
        UsageError
            As for :meth:`as_read` and :meth:`retrieve`.
        ClusterError
            As for :meth:`retrieve_whole`.
        """
        candidates = self._ordered(questions, k, allowed)
        return [self.hits(candidates, query, k) for query in range(len(questions))]

    def find_documents(self, texts: Sequence[str], k: int) -> list[list[Document]]:
        """The ``k`` best documents for each text, best first, reranked as the recipe says; raises as a search."""
        candidates = self._ordered(texts, k)
        return [self.store.read(found_rows(candidates, query, k)) for query in range(len(texts))]

    def search_fielded(self, query: str, k: int = 10, allowed: Filter = Filter()) -> tuple[tuple[Hit, ...], int]:
        """The first ``k`` articles that a query with fields finds, as PubMed takes it, and how many there are.

        Raises
        ------
        UsageError
            The query is not well formed (the message shows the place), names what the index does not know, or the
            index has no BM25.
        """
        if k < 1:
            raise UsageError(f"k is {k}; it must be at least 1")
        if self.index.bm25 is None:
            raise UsageError(
                f"the index {self.index.folder.name!r} searches by vectors alone; queries with fields need one with "
                "BM25, for example: ragqa index build NAME --recipe default"
            )
        return FieldedSearch(self.store, self.index.bm25, self.filter_names).search(query, k, allowed)

    def close(self) -> None:
        """Close the index and the corpus."""
        self._retriever.close()
        self.index.close()
        self.store.close()

    def _ordered(self, texts: Sequence[str], k: int, allowed: Filter = Filter()) -> Candidates:
        questions = self.all_as_read(texts, allowed)
        return self.rerank(questions, self.retrieve_whole(questions, k))
