"""The stages of one or several pipelines on one corpus: retrieve all → rerank all → read all, batch by batch.

Pipelines that agree in the settings of a stage, and of all stages before it, share its result: it is computed once
for a batch and handed to each. A single run is the case of one pipeline.
"""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from ragqa import products
from ragqa.answer.as_read import AsRead
from ragqa.answer.reader import Reader, open_reader
from ragqa.corpus.store import DocumentStore
from ragqa.engine import Engine, sentence_encoder
from ragqa.evaluate.runs.sharing import Savings, SharedReranker, SharedSearch
from ragqa.index.lexicon import Lexicon
from ragqa.index.open import Components, Index, OpenIndex, open_bm25, open_dense
from ragqa.manifest import content_hash
from ragqa.recipe import Recipe, to_table
from ragqa.retrieve.fuse import Candidates, refuse_partly
from ragqa.retrieve.rerank import open_reranker, reads_alone

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timed:
    """A stage's result for a batch, and the milliseconds of each step that made it."""

    value: Any
    timings_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One engine of :class:`Stages`, its reranker and reader, and the keys of its stages: equal keys mean equal
    results.
    """

    engine: Engine
    reranker: SharedReranker | None
    reader: Reader
    retrieve_key: str
    rerank_key: str
    read_key: str


class Stages:
    """The opened pipelines. Close them, or use them as a context manager."""

    def __init__(self, store: DocumentStore, *, share: bool = True, opener: OpenIndex | None = None) -> None:
        self.store = store
        self._opener = opener
        self._share = share
        self.pipelines: list[Pipeline] = []
        self.savings = Savings()
        self._components: dict[Hashable, Any] = {}
        self._searches: dict[Hashable, SharedSearch] = {}
        self._rerankers: dict[Hashable, SharedReranker] = {}
        self._results: dict[tuple[str, Hashable], Timed] = {}

    @classmethod
    def open(
        cls,
        corpus: str,
        pipelines: Sequence[tuple[str, Recipe]],
        *,
        share: bool = True,
        opener: OpenIndex | None = None,
    ) -> "Stages":
        """Open pipelines, each an index of ``corpus`` and the settings to search it with.

        Without ``share`` each computes all of its stages itself, as runs must whose times are compared. ``opener``
        opens the indexes on a cluster; None opens them here.

        Raises
        ------
        ProductError
            An index is missing or damaged, or was built with other settings or from another corpus.
        """
        stages = cls(products.open_store(corpus), share=share, opener=opener)
        try:
            for index_name, recipe in pipelines:
                stages.pipelines.append(stages._open(index_name, recipe))
        except BaseException:
            stages.close()
            raise
        return stages

    def __enter__(self) -> "Stages":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next_batch(self) -> None:
        """Forget the results of the batch before."""
        self._results.clear()
        for shared in (*self._searches.values(), *self._rerankers.values()):
            shared.forget()

    def retrieve(self, pipeline: Pipeline, questions: Sequence[AsRead], k: int) -> Timed:
        """First stage for a batch: a :class:`Candidates`."""

        def compute() -> Timed:
            index = pipeline.engine.index
            searches = {kind: getattr(index, kind) for kind in ("bm25", "dense") if getattr(index, kind) is not None}
            for search in searches.values():
                search.last_ms = None
                if not self._share:
                    search.forget()
            timings: dict[str, float] = {}
            candidates = pipeline.engine.retrieve(questions, k, timings)
            refuse_partly(candidates.unsearched)
            made = {kind: search.last_ms for kind, search in searches.items() if search.last_ms is not None}
            return Timed(candidates, {**timings, **made})

        return self._once("retrieve", pipeline.retrieve_key, (_texts(questions), k), compute)

    def rerank(self, pipeline: Pipeline, questions: Sequence[AsRead], k: int, candidates: Timed) -> Timed:
        """Second stage for a batch: the candidates in their final order; timings include those of the first."""
        if pipeline.rerank_key == pipeline.retrieve_key:
            return candidates

        def compute() -> Timed:
            reranker = pipeline.reranker
            if reranker is not None:
                reranker.spared_ms = 0.0
                if not self._share:
                    reranker.forget()
            began = time.perf_counter()
            ordered = pipeline.engine.rerank(questions, cast("Candidates", candidates.value))
            spent = (time.perf_counter() - began) * 1000 + (reranker.spared_ms if reranker is not None else 0.0)
            return Timed(ordered, {**candidates.timings_ms, "rerank": spent})

        return self._once("rerank", pipeline.rerank_key, (_texts(questions), k), compute, own="rerank")

    def read(self, pipeline: Pipeline, question_id: str, compute: Callable[[], Any]) -> Timed:
        """Third stage for one question; the timings are the reader's alone."""

        def timed() -> Timed:
            began = time.perf_counter()
            answer = compute()
            return Timed(answer, {"read": (time.perf_counter() - began) * 1000})

        return self._once("read", pipeline.read_key, question_id, timed)

    def close(self) -> None:
        """Close everything that was opened."""
        for pipeline in self.pipelines:
            pipeline.engine.close()
        for component in self._components.values():
            if hasattr(component, "close"):
                component.close()
        self.store.close()

    def _once(self, stage: str, key: str, of: Hashable, compute: Callable[[], Timed], own: str = "") -> Timed:
        place = (f"{stage}:{key}", of)
        if self._share and place in self._results:
            result = self._results[place]
            self.savings.shared[stage] += 1
            spent = result.timings_ms[own] if own else sum(result.timings_ms.values())
            self.savings.seconds_saved += spent / 1000
            return result
        self.savings.computed[stage] += 1
        result = self._results[place] = compute()
        return result

    def _open(self, index_name: str, recipe: Recipe) -> Pipeline:
        folder = products.product_folder("indexes", index_name)
        components = Components(folder, recipe, self.store)
        names = {kind: "+".join(components.names(kind)) for kind in ("bm25", "dense") if components.names(kind)}
        if "dense" in names:
            names["dense"] += f"/{content_hash(recipe.dense)}"  # the prefix of queries is no matter of the files
        if self._opener is not None:
            opened = self._on_cluster(self._opener, folder, recipe, names)
            components.release()
            return self._pipeline(opened, recipe, names)
        bm25 = dense = None
        if components.bm25:
            key = ("bm25", names["bm25"], content_hash(recipe.bm25))
            bm25 = self._component(key, lambda: open_bm25(components, recipe))
        if components.dense:
            dense = self._component(("dense", names["dense"]), lambda: open_dense(components, recipe))
        lexicon = None
        if components.lexicon:
            lexicon = self._component(components.names("lexicon"), lambda: Lexicon.open(components.lexicon))
        return self._pipeline(Index(folder, components.manifest_hash, bm25, dense, components, lexicon), recipe, names)

    def _on_cluster(self, opener: OpenIndex, folder: Path, recipe: Recipe, names: Mapping[str, str]) -> Index:
        """The index on the cluster; pipelines with the same components share it, and :class:`Stages` closes it."""
        searched = [recipe.bm25, recipe.retrieve.retrievers, recipe.retrieve.normalise]
        key = ("cluster", folder, content_hash([sorted(names.items()), *searched]))
        opened = self._component(key, lambda: opener(folder, recipe, self.store))
        return replace(opened, shards=None, components=None)

    def _pipeline(self, index: Index, recipe: Recipe, names: Mapping[str, str]) -> Pipeline:
        shared = replace(
            index,
            bm25=self._shared(index.bm25, ("bm25", names.get("bm25"), content_hash(recipe.bm25))),
            dense=self._shared(index.dense, ("dense", names.get("dense"))),
        )
        reader, reranker = self._reader(recipe, index, names), self._reranker(recipe, index, names)
        engine = Engine(self.store, shared, recipe, reranker, reader)
        return Pipeline(engine, reranker, reader, *_keys(recipe, names))

    def _reranker(self, recipe: Recipe, index: Index, names: Mapping[str, str]) -> SharedReranker | None:
        settings = recipe.rerank
        if reads_alone(settings.reranker):  # and so its scores are the same however they are weighed
            settings = replace(settings, depth=1, weight=0.0, evidence_weight=0.0)
        key = ("reranker", content_hash([settings, recipe.answer.chat]), names.get("dense"))
        opened = self._component(key, lambda: open_reranker(recipe.rerank, index.dense, recipe.answer.chat))
        if opened is not None and key not in self._rerankers:
            self._rerankers[key] = SharedReranker(opened, self.savings)
        return self._rerankers.get(key)

    def _reader(self, recipe: Recipe, index: Index, names: Mapping[str, str]) -> Reader:
        key = ("reader", content_hash(recipe.answer), names.get("dense"))
        return self._component(key, lambda: open_reader(recipe.answer, sentence_encoder(index)))

    def _component(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self._components:
            self._components[key] = make()
        component: T = self._components[key]
        return component

    def _shared(self, component: Any, key: Hashable) -> Any:
        if component is None:
            return None
        if key not in self._searches:
            self._searches[key] = SharedSearch(component, self.savings)
        return self._searches[key]


def _texts(questions: Sequence[AsRead]) -> tuple[str, ...]:
    return tuple(question.asked.text for question in questions)


def _keys(recipe: Recipe, names: Mapping[str, str]) -> tuple[str, str, str]:
    """Keys of the stages of a pipeline: hashes of the settings that matter to them."""
    retrieve = to_table(recipe.retrieve)
    searched = [name for kind, name in sorted(names.items()) if kind in recipe.retrieve.retrievers]
    relevant: list[Any] = [searched, retrieve["depth"]]
    if "bm25" in recipe.retrieve.retrievers:
        relevant.append(to_table(recipe.bm25))
    if len(recipe.retrieve.retrievers) > 1:
        parameter = "rrf_k" if recipe.retrieve.fusion == "rrf" else "dense_weight"
        relevant += [retrieve["fusion"], retrieve[parameter]]
    # Settings of retrieval that this module does not know of: never shared wrongly.
    known = {"retrievers", "depth", "fusion", "dense_weight", "rrf_k"}
    relevant.append({name: value for name, value in retrieve.items() if name not in known})
    generator = to_table(recipe.answer.chat)
    if recipe.retrieve.expansion != "none":
        relevant.append(generator)
    retrieve_key = content_hash(relevant)
    rerank_key = retrieve_key
    if recipe.rerank.reranker != "none" or recipe.rerank.evidence_weight:
        model = generator if recipe.rerank.reranker == "llm" else names.get("dense", "")
        rerank_key = content_hash([retrieve_key, to_table(recipe.rerank), model])
    read_key = content_hash([rerank_key, to_table(recipe.answer), names.get("dense", "")])
    return retrieve_key, rerank_key, read_key
