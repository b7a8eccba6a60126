"""An index whose segments are searched by the nodes of a cluster: the same hits and scores as on one machine.

BM25 depends on how many documents of the whole index have a term. So a query goes round twice where it has terms that
were not met yet: the shards count these, and their sums are handed to all with the query (as "dfs query then fetch" of
Elasticsearch). The best of each shard are put together by score and row, as Lucene orders them.

Documents are read, and questions encoded, where the index is opened.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from ragqa.corpus.store import DocumentStore
from ragqa.errors import ClusterError
from ragqa.index.dense import DenseIndex
from ragqa.index.lexicon import Lexicon
from ragqa.index.lucene import Whole, query_terms
from ragqa.index.open import Components, Index, OpenIndex
from ragqa.ray.cluster import Node, connected, load_ray
from ragqa.ray.gather import Gathering, Spread
from ragqa.ray.shards import shards_of
from ragqa.recipe import Recipe
from ragqa.types import Filter, PartlyRanked, Ranked

_TERMS = 1_000_000
_MASKS = 32


def open_on_cluster(nodes: Sequence[Node], spread: Spread, folder: Path, recipe: Recipe, store: DocumentStore) -> Index:
    """As :func:`ragqa.index.open.open_index`, searched by actors of the cluster that this process is connected to.

    Raises
    ------
    ProductError
        As there; or BM25 is not that of Lucene.
    BackendError
        A shard does not open.
    """
    components = Components(folder, recipe, store)
    gathering: Gathering | None = None
    try:
        specs = shards_of(components, recipe, spread.shards or len(nodes))
        gathering = Gathering(specs, nodes, spread)
        totals = gathering.wait()
        bm25 = WordShards(gathering, totals, store.n_rows) if components.bm25 else None
        dense = None
        if components.dense and components.encoder is not None and recipe.dense is not None:
            vectors = VectorShards(gathering, store.n_rows)
            dense = DenseIndex.over([vectors], components.encoder, components.dense, recipe.dense)
        lexicon = Lexicon.open(components.lexicon) if components.lexicon else None
    except BaseException:
        if gathering is not None:
            gathering.close()
        components.release()
        raise
    return Index(folder, components.manifest_hash, bm25, dense, components, lexicon, gathering)


class WordShards:
    """BM25 over all shards; see :class:`ragqa.index.open.Bm25Index`."""

    def __init__(self, gathering: Gathering, totals: Sequence[np.ndarray], n_rows: int) -> None:
        self._gathering = gathering
        self._totals = np.sum(totals, axis=0)
        # Of documents and of documents with the field, the sums; a field that a shard lacks counts there as 0.
        self._totals[:, 0] = self._totals[:, 0].max()
        self._n_rows = n_rows
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def search(self, queries: Sequence[str], k: int, allowed: Filter = Filter()) -> Ranked:
        """The ``k`` best documents of each query among the allowed ones."""
        if not queries or k < 1:
            return Ranked(np.full((len(queries), 0), -1, np.int64), np.full((len(queries), 0), -np.inf, np.float32))
        everywhere = range(len(self._gathering.specs))
        counts, asked = self._counted(query_terms(queries))
        whole = Whole(self._totals, counts)
        answers = self._gathering.ask("search_words", dict.fromkeys(asked, (list(queries), k, allowed, whole)))
        return merged(answers, self._gathering, everywhere, k)

    def allowed_rows(self, allowed: Filter) -> np.ndarray:
        """The live rows that a filter allows: bool [n_rows], which must not be changed."""
        mask = np.zeros(self._n_rows, dtype=bool)
        for spec, bits in zip(self._gathering.specs, self._all("allowed_rows", allowed), strict=True):
            n = spec.end_row - spec.first_row
            mask[spec.first_row : spec.end_row] = np.unpackbits(bits, count=n, bitorder="little")
        return mask

    def n_allowed(self, allowed: Filter) -> int:
        """How many live documents a filter allows."""
        return int(sum(self._all("n_allowed", allowed)))

    def close(self) -> None:
        """Nothing: the shards are closed with the index."""

    def _all(self, method: str, allowed: Filter) -> list[Any]:
        """What every shard answers: a filter that is known in part would hide documents."""
        numbers = range(len(self._gathering.specs))
        answers = self._gathering.ask(method, dict.fromkeys(numbers, (allowed,)))
        if len(answers) < len(numbers):
            raise ClusterError(
                f"{len(numbers) - len(answers)} of {len(numbers)} shards did not answer, so that the filter cannot be "
                "applied; ask again in a moment"
            )
        return [answers[number] for number in numbers]

    def _counted(self, terms: Sequence[str]) -> tuple[dict[str, int], Sequence[int]]:
        """In how many documents each term is, and the shards that were counted, which alone may be searched."""
        with self._lock:
            known = {term: self._counts[term] for term in terms if term in self._counts}
        numbers = range(len(self._gathering.specs))
        new = [term for term in terms if term not in known]
        if not new:
            return known, numbers
        answers = self._gathering.ask("counts", dict.fromkeys(numbers, (new,)))
        if not answers:
            return known, []
        found = dict(zip(new, np.sum(list(answers.values()), axis=0).max(axis=1).tolist(), strict=True))
        if len(answers) == len(numbers):
            with self._lock:
                self._counts.update(found)
                while len(self._counts) > _TERMS:
                    self._counts.popitem(last=False)
        return known | found, sorted(answers)


class VectorShards:
    """The vectors of all shards, in the place of a segment of a :class:`ragqa.index.dense.DenseIndex`."""

    def __init__(self, gathering: Gathering, n_rows: int) -> None:
        self._gathering = gathering
        self.end_row = n_rows
        self._masks: OrderedDict[int, tuple[np.ndarray, int, list[Any]]] = OrderedDict()
        self._n_masks = 0
        self._lock = Lock()

    def search(self, vectors: np.ndarray, k: int, allowed: np.ndarray | None) -> Ranked:
        """As :meth:`ragqa.index.dense.DenseIndex.search_vectors`."""
        numbers = range(len(self._gathering.specs))
        masks = [None] * len(numbers) if allowed is None else self._mask(allowed)
        answers = self._gathering.ask("search_vectors", {n: (vectors, k, masks[n]) for n in numbers})
        return merged(answers, self._gathering, numbers, k)

    def close(self) -> None:
        """Nothing: the shards are closed with the index."""

    def _mask(self, allowed: np.ndarray) -> list[Any]:
        """What each shard is handed of a mask; the same for the same array."""
        with self._lock:
            kept = self._masks.get(id(allowed))
            if kept is None or kept[0] is not allowed:
                self._n_masks += 1
                put = load_ray().put
                parts = [
                    put((self._n_masks, np.packbits(allowed[spec.first_row : spec.end_row], bitorder="little")))
                    for spec in self._gathering.specs
                ]
                kept = self._masks[id(allowed)] = (allowed, self._n_masks, parts)
            self._masks.move_to_end(id(allowed))
            if len(self._masks) > _MASKS:
                self._masks.popitem(last=False)
        return kept[2]


def merged(answers: Mapping[int, Ranked], gathering: Gathering, asked: Sequence[int], k: int) -> Ranked:
    """The ``k`` best of what shards found, by score, equal ones by row.

    Raises
    ------
    ClusterError
        No shard answered.
    """
    if not answers:
        raise ClusterError(
            f"none of the {len(asked)} shards of the index answered within {gathering.budget_s:g} s; look at the "
            "cluster with: ray status"
        )
    missing = [gathering.specs[number] for number in asked if number not in answers]
    found = [answers[number] for number in sorted(answers)]
    rows = np.concatenate([part.rows for part in found], axis=1)
    scores = np.concatenate([part.scores for part in found], axis=1)
    # Padding, of row −1, has the score −inf.
    order = np.lexsort((rows, -scores))[:, :k]
    best = Ranked(np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1))
    unsearched = tuple((spec.first_row, spec.end_row) for spec in missing)
    return PartlyRanked(*best, unsearched) if unsearched else best


@contextlib.contextmanager
def on_cluster(address: str | None, spread: Spread) -> Iterator[OpenIndex | None]:
    """What opens indexes on the cluster at an address, as long as the block runs; None where there is no address.

    Raises as :func:`ragqa.ray.cluster.connected`.
    """
    if not address:
        yield None
        return
    with connected(address) as nodes:
        yield opener(nodes, spread)


def opener(nodes: Sequence[Node], spread: Spread) -> OpenIndex:
    """What opens indexes on the cluster, for :func:`ragqa.products.open_pinned`."""
    return lambda folder, recipe, store: open_on_cluster(nodes, spread, folder, recipe, store)
