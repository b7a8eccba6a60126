"""An index folder, opened for searching."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ragqa import manifest
from ragqa.corpus.store import DocumentStore
from ragqa.errors import ProductError
from ragqa.index.folder import HASHES_FILE, read_manifest, remedy
from ragqa.index.forms import check_recipe, forms
from ragqa.index.lexicon import Lexicon
from ragqa.index.segments import SEGMENT_FILE, Placed, read_segment
from ragqa.manifest import Hold, Manifest
from ragqa.recipe import Recipe, from_table
from ragqa.types import Filter, Ranked

if TYPE_CHECKING:
    from ragqa.index.dense import DenseIndex


class Bm25Index(Protocol):
    """What every BM25 engine offers."""

    def search(self, queries: Sequence[str], k: int, allowed: Filter = Filter()) -> Ranked:
        """The ``k`` best documents of each query among the allowed ones."""
        ...

    def allowed_rows(self, allowed: Filter) -> np.ndarray:
        """The live rows that a filter allows: bool [n_rows], which must not be changed."""
        ...

    def n_allowed(self, allowed: Filter) -> int:
        """How many live documents a filter allows."""
        ...

    def close(self) -> None:
        """Release files and memory."""
        ...


class Closing(Protocol):
    """What holds processes elsewhere, until it is closed."""

    def close(self) -> None:
        """End them."""
        ...


class Components:
    """The folders of an index that a recipe searches, held so that no update removes them.

    Attributes
    ----------
    manifest_hash
        Identifies the index and the state of the corpus.
    bm25, dense, lexicon
        The segments of each engine at their places; empty for one that is not searched.
    encoder
        The folder of the encoder; None where there is no dense index.
    """

    def __init__(self, folder: Path, recipe: Recipe, store: DocumentStore) -> None:
        """Find and hold the components; raises ProductError as :func:`open_index`."""
        built = read_manifest(folder)
        self.manifest_hash = manifest.content_hash(built)
        self.encoder: Path | None = None
        self._holds: list[Hold] = []
        _check_fits(folder, recipe, store, built)
        names = built.counts["components"]
        again = remedy(folder)
        try:
            self.bm25 = self._placed(folder, names["bm25"], store, again) if _searches(recipe, "bm25") else ()
            self.dense = self._placed(folder, names["dense"], store, again) if _searches(recipe, "dense") else ()
            lexicon = names["lexicon"] if recipe.retrieve.normalise else []
            self.lexicon = self._placed(folder, lexicon, store, again) if lexicon else ()
            if self.dense:
                self.encoder = folder / names["encoder"][0]
                self._hold(self.encoder / HASHES_FILE, again)
        except BaseException:
            self.release()
            raise

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of the folders of an engine: equal for equal content."""
        segments: tuple[Placed, ...] = getattr(self, kind)
        encoder = [self.encoder.name] if kind == "dense" and self.encoder is not None else []
        return (*encoder, *(segment.folder.name for segment in segments))

    def release(self) -> None:
        """Let updates remove the folders."""
        for hold in self._holds:
            hold.release()

    def _placed(self, folder: Path, names: Sequence[str], store: DocumentStore, again: str) -> tuple[Placed, ...]:
        placed, part, row = [], 0, 0
        contents = tuple(entry.content_sha256 for entry in store.parts)
        for name in names:
            self._hold(folder / name / SEGMENT_FILE, again)
            segment, _ = read_segment(folder / name, again)
            if contents[part : part + len(segment.parts)] != segment.parts or row + segment.n_rows > store.n_rows:
                raise ProductError(f"{folder / name} does not fit the corpus {store.name!r}; {again}")
            placed.append(Placed(folder / name, row, store.dead_rows()[row : row + segment.n_rows], again))
            part, row = part + len(segment.parts), row + segment.n_rows
        if row != store.n_rows:
            raise ProductError(f"the index in {folder} covers {row} of {store.n_rows} rows; {again}")
        return tuple(placed)

    def _hold(self, path: Path, again: str) -> None:
        try:
            self._holds.append(Hold(path))
        except OSError as error:
            raise ProductError(f"{path} is missing ({error.strerror}); {again}") from error


@dataclass(frozen=True, slots=True)
class Index:
    """The opened components of an index; one that the recipe does not search is None.

    ``shards`` are the processes of a cluster that search it; None on one machine.
    """

    folder: Path
    manifest_hash: str
    bm25: Bm25Index | None
    dense: "DenseIndex | None"
    components: Components | None = None
    lexicon: Lexicon | None = None
    shards: Closing | None = None

    def close(self) -> None:
        """Close all components."""
        for component in (self.bm25, self.dense):
            if component is not None:
                component.close()
        if self.shards is not None:
            self.shards.close()
        if self.components is not None:
            self.components.release()


OpenIndex = Callable[[Path, Recipe, DocumentStore], Index]
"""Opens an index as :func:`open_index` does."""


def open_index(folder: Path, recipe: Recipe, store: DocumentStore) -> Index:
    """Open the components that ``recipe`` searches (its query-time settings may differ from the built ones).

    Raises
    ------
    ProductError
        The index is missing or damaged, was built from another state of the corpus, or with other settings.
    """
    components = Components(folder, recipe, store)
    with contextlib.ExitStack() as opened:
        opened.callback(components.release)
        bm25 = open_bm25(components, recipe) if components.bm25 else None
        if bm25 is not None:
            opened.callback(bm25.close)
        dense = open_dense(components, recipe) if components.dense else None
        if dense is not None:
            opened.callback(dense.close)
        lexicon = Lexicon.open(components.lexicon) if components.lexicon else None
        opened.pop_all()
    return Index(folder, components.manifest_hash, bm25, dense, components, lexicon)


def open_bm25(components: Components, recipe: Recipe) -> Bm25Index:
    """Open the segments of BM25 with the recipe's k1, b and boosts."""
    if recipe.bm25 is None:
        raise ProductError("the recipe has no table [bm25]")
    if recipe.bm25.engine == "lucene":
        from ragqa.index.lucene import LuceneIndex

        return LuceneIndex.open(components.bm25, recipe.bm25)
    from ragqa.index.rank_bm25 import RankBm25Index

    return RankBm25Index.open(components.bm25, recipe.bm25)


def open_dense(components: Components, recipe: Recipe) -> "DenseIndex":
    """Open the segments of vectors with their encoder."""
    from ragqa.index.dense import DenseIndex

    if recipe.dense is None or components.encoder is None:
        raise ProductError("the recipe has no table [dense]")
    return DenseIndex.open(components.encoder, components.dense, recipe.dense)


def _check_fits(folder: Path, recipe: Recipe, store: DocumentStore, built: Manifest) -> None:
    check_recipe(recipe)
    rebuild = f"run: ragqa index build {folder.name}"
    if built.inputs.get("corpus_state") != store.state_hash:
        raise ProductError(
            f"the index {folder.name!r} was built from another state of the corpus {store.name!r}; {rebuild}"
        )
    components = built.counts.get("components", {})
    if not isinstance(components.get("bm25", []), list) or (recipe.retrieve.normalise and "lexicon" not in components):
        raise ProductError(f"the index {folder.name!r} has the form of an earlier ragqa; {rebuild}")
    had, wanted = forms(from_table(built.recipe, Recipe, f"index {folder.name!r}")), forms(recipe)
    for kind in _searched(recipe):
        if wanted[kind] != had.get(kind):
            raise ProductError(f"the index {folder.name!r} was built with other [{kind}] settings; {rebuild}")


def _searches(recipe: Recipe, kind: str) -> bool:
    return kind in _searched(recipe)


def _searched(recipe: Recipe) -> list[str]:
    kinds: list[str] = list(recipe.retrieve.retrievers)
    if recipe.dense is not None and "dense" not in kinds:
        kinds.append("dense")  # its encoder serves the reranker and the reader
    return kinds
