"""How an index is cut into shards: consecutive segments, each shard about as large as the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from ragqa.errors import ProductError
from ragqa.index.open import Components
from ragqa.index.segments import Placed
from ragqa.recipe import Bm25Settings, DenseSettings, Recipe


@dataclass(frozen=True, slots=True)
class ShardSpec:
    """What one shard holds, so that another process can open it.

    Attributes
    ----------
    first_row, end_row
        Its rows of the corpus.
    words, vectors
        Its segments of BM25 and of the dense index, their rows counted from ``first_row``; empty for none.
    encoder
        The folder of the encoder; None where there is no dense index.
    bm25, dense
        The settings that hold when searching.
    """

    first_row: int
    end_row: int
    words: tuple[Placed, ...]
    vectors: tuple[Placed, ...]
    encoder: Path | None
    bm25: Bm25Settings | None
    dense: DenseSettings | None


def shards_of(components: Components, recipe: Recipe, wanted: int) -> list[ShardSpec]:
    """At most ``wanted`` shards of an index.

    Segments are not cut, so there are fewer shards where the index has fewer segments; see ``segments`` in
    :class:`ragqa.recipe.Recipe`.

    Raises
    ------
    ProductError
        BM25 is not that of Lucene.
    """
    if components.bm25 and recipe.bm25 is not None and recipe.bm25.engine != "lucene":
        raise ProductError(
            f"bm25.engine is {recipe.bm25.engine!r}, which is for small corpora on one machine; on a cluster only "
            "'lucene' is searched: build the index with --set bm25.engine=lucene"
        )
    engines = [segments for segments in (components.bm25, components.dense) if segments]
    cuts = sorted(set.intersection(*({0, *(_end(segment) for segment in segments)} for segments in engines)))
    n_rows = cuts[-1]
    bounds = [0]
    for begin, end in pairwise(cuts):
        if begin > bounds[-1] and len(bounds) < wanted and end * wanted > len(bounds) * n_rows:
            bounds.append(begin)
    bounds.append(n_rows)
    return [
        ShardSpec(
            begin,
            end,
            _within(components.bm25, begin, end),
            _within(components.dense, begin, end),
            components.encoder,
            recipe.bm25,
            recipe.dense,
        )
        for begin, end in pairwise(bounds)
    ]


def _end(segment: Placed) -> int:
    return segment.first_row + len(segment.dead)


def _within(segments: Sequence[Placed], begin: int, end: int) -> tuple[Placed, ...]:
    return tuple(
        replace(segment, first_row=segment.first_row - begin)
        for segment in segments
        if begin <= segment.first_row and _end(segment) <= end
    )
