"""An index folder, opened for searching."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ragqa import manifest
from ragqa.corpus.store import DocumentStore
from ragqa.errors import ProductError
from ragqa.index.build import check_recipe, component_names, read_manifest
from ragqa.recipe import Recipe
from ragqa.types import Filter, Ranked

if TYPE_CHECKING:
    from ragqa.index.dense import DenseIndex


class Bm25Index(Protocol):
    """What every BM25 engine offers."""

    def search(self, queries: Sequence[str], k: int, allowed: Filter = Filter()) -> Ranked:
        """The ``k`` best documents of each query among the allowed ones."""
        ...

    def close(self) -> None:
        """Release files and memory."""
        ...


@dataclass(frozen=True, slots=True)
class Index:
    """The opened components of an index; one that the recipe does not search is None."""

    folder: Path
    manifest_hash: str
    bm25: Bm25Index | None
    dense: "DenseIndex | None"

    def close(self) -> None:
        """Close all components."""
        for component in (self.bm25, self.dense):
            if component is not None:
                component.close()


def open_index(folder: Path, recipe: Recipe, store: DocumentStore) -> Index:
    """Open the components that ``recipe`` searches (its query-time settings may differ from the built ones).

    Raises
    ------
    ProductError
        The index is missing or damaged, was built from another state of the corpus, or with other settings.
    """
    opened, manifest_hash = component_folders(folder, recipe, store)
    return Index(
        folder,
        manifest_hash,
        open_bm25(opened["bm25"], recipe) if "bm25" in opened else None,
        open_dense(opened["dense"], recipe) if "dense" in opened else None,
    )


def component_folders(folder: Path, recipe: Recipe, store: DocumentStore) -> tuple[dict[str, Path], str]:
    """Kind → folder of each component that ``recipe`` searches, and the hash of the index's manifest.

    Raises
    ------
    ProductError
        As :func:`open_index`.
    """
    check_recipe(recipe)
    built = read_manifest(folder)
    rebuild = f"run: ragqa index build {folder.name}"
    if built.inputs.get("corpus_state") != store.state_hash:
        raise ProductError(f"the corpus {store.name!r} changed after the index {folder.name!r} was built; {rebuild}")
    opened: dict[str, Path] = {}
    wanted = component_names(recipe, store.state_hash)
    for kind in _searched(recipe):
        component = wanted[kind]
        if component not in built.counts["components"].values():
            raise ProductError(f"the index {folder.name!r} was built with other [{kind}] settings; {rebuild}")
        if not (folder / component).is_dir():
            raise ProductError(f"the index {folder.name!r} lacks its folder {component}; {rebuild}")
        opened[kind] = folder / component
    return opened, manifest.content_hash(built)


def _searched(recipe: Recipe) -> list[str]:
    kinds: list[str] = list(recipe.retrieve.retrievers)
    if recipe.dense is not None and "dense" not in kinds:
        kinds.append("dense")  # its encoder serves the reranker and the reader
    return kinds


def open_bm25(folder: Path, recipe: Recipe) -> Bm25Index:
    """Open the BM25 component in ``folder`` with the recipe's k1, b and boosts."""
    if recipe.bm25 is None:
        raise ProductError("the recipe has no table [bm25]")
    if recipe.bm25.engine == "lucene":
        from ragqa.index.lucene import LuceneIndex

        return LuceneIndex.open(folder, recipe.bm25)
    from ragqa.index.rank_bm25 import RankBm25Index

    return RankBm25Index.open(folder, recipe.bm25)


def open_dense(folder: Path, recipe: Recipe) -> "DenseIndex":
    """Open the dense component in ``folder``."""
    from ragqa.index.dense import DenseIndex

    if recipe.dense is None:
        raise ProductError("the recipe has no table [dense]")
    return DenseIndex.open(folder, recipe.dense)
