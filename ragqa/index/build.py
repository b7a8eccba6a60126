"""Corpus + recipe → index folder.

An index folder holds segments (:mod:`ragqa.index.segments`) of each engine and of the lexicon in folders named by what
they were made from (``bm25-1a2b3c…``, ``dense-4d5e6f…``, ``lexicon-0f1e2d…``), the encoder (``encoder-7a8b9c…``), and
``manifest.json``, which names those in force, in order, and the state of the corpus that they were built from.
Everything is built in ``….building`` and renamed when complete; then the manifest is replaced atomically. So a reader
sees the old index or the new one, and a killed build goes on. What a reader still holds is not removed.

An update builds a segment of the parts of the corpus that are new, and merges when there are many. A segment that
another index beside this one already has is not built again: its files, which nothing ever changes, are linked
(copied where the disk cannot link), so that each index is still a folder of its own.
"""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragqa import manifest
from ragqa.corpus.store import DocumentStore
from ragqa.errors import BackendError, ProductError, UsageError
from ragqa.index.builders import Ahead, Bm25Builder, DenseBuilder, VectorSource, ensure_encoder
from ragqa.index.folder import MANIFEST_FILE, read_manifest, remove_all_but
from ragqa.index.forms import check_recipe, form_hash, forms
from ragqa.index.lexicon import LexiconBuilder
from ragqa.index.memory import shared_out
from ragqa.index.pieces import Pieces, remove_pieces
from ragqa.index.presets import teacher_of
from ragqa.index.site import Site
from ragqa.manifest import Manifest
from ragqa.recipe import Recipe, to_table
from ragqa.types import Progress, Tasks

_log = logging.getLogger(__name__)
VECTORS_FOLDER = ".vectors"


@dataclass(frozen=True, slots=True)
class How:
    """How an index is built.

    Attributes
    ----------
    thorough
        Whether segments that are there already are compared with their hashes, and not with their sizes alone.
    merge
        Whether everything is put into one segment; otherwise segments are merged when there are many.
    vectors
        A folder of vectors that exist already (:mod:`ragqa.index.given`).
    update
        Whether an index is brought up to its corpus: then what is new is encoded even with
        ``dense.missing = "leave-out"``.
    ahead
        Encodes elsewhere what is new, before segments of vectors are built; None encodes here.
    memory_bytes
        What the process may take at most (:mod:`ragqa.index.memory`); None: Java's default and what is free.
    tasks
        Other machines, which reach the corpus and the index under the same paths, and make segments of Lucene and of
        the lexicon; None: this process does.
    """

    thorough: bool = True
    merge: bool = False
    vectors: Path | None = None
    update: bool = False
    ahead: Ahead | None = None
    memory_bytes: int | None = None
    tasks: Tasks | None = None


def build_index(
    name: str,
    recipe: Recipe,
    store: DocumentStore,
    folder: Path,
    progress: Progress | None = None,
    *,
    how: How = How(),
) -> Manifest:
    """Build, complete or update the index ``name`` of the documents in ``store`` in ``folder``.

    Raises
    ------
    RecipeError
        The recipe asks for a retriever whose settings it lacks.
    BackendError
        Java, a package, memory or disk is lacking; the previous index stays in force.
    """
    check(recipe, how)
    if len(store) == 0:
        raise ProductError(f"the corpus {store.name!r} has no documents; import some with: ragqa corpus import")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with manifest.exclusive(folder, "build"):
            return _build(name, recipe, store, folder, progress, how)
    except OSError as error:
        raise BackendError(
            f"cannot write {folder}: {error.strerror or error}; free some disk, or let RAGQA_HOME name a folder that "
            "can be written to, and run the same command again: what is finished is kept, and the previous index is "
            "untouched"
        ) from error


def check(recipe: Recipe, how: How) -> None:
    """Refuse what cannot be built so, whatever the corpus: before anything is done.

    Raises
    ------
    RecipeError, UsageError
        The recipe lacks what it, or ``how``, asks for.
    SourceError
        The folder of vectors is in no form that is known.
    BackendError
        The memory that may be taken is too little for any corpus.
    """
    check_recipe(recipe)
    shared_out(how.memory_bytes, recipe)
    if how.vectors is None:
        return
    if recipe.dense is None:
        raise UsageError(
            f"--vectors names {how.vectors}, but the recipe has no table [dense]; use one with a dense index"
        )
    from ragqa.index.given import chunks_in

    chunks_in(how.vectors)


def _build(  # noqa: PLR0917
    name: str, recipe: Recipe, store: DocumentStore, folder: Path, progress: Progress | None, how: How
) -> Manifest:
    seconds: dict[str, float] = {}
    components: dict[str, list[str]] = {}
    inputs = {"corpus": store.name, "corpus_state": store.state_hash}
    counts: dict[str, Any] = {"documents": len(store), "rows": store.n_rows, "components": components}
    wanted = forms(recipe)
    began = time.perf_counter()

    def took(kind: str) -> None:
        nonlocal began
        seconds[kind] = round(time.perf_counter() - began, 3)
        began = time.perf_counter()

    site = Site(folder, store, recipe.segments, thorough=how.thorough, merge=how.merge)
    pieces = None if how.tasks is None else Pieces(folder, store, how.tasks)
    if recipe.bm25 is not None:
        form, shares = form_hash("bm25", wanted["bm25"]), shared_out(how.memory_bytes, recipe)
        components["bm25"] = site.ensure(Bm25Builder(recipe.bm25, form, store, progress, shares, pieces))
        took("bm25")
    if recipe.dense is not None:
        vectors = folder.parent / VECTORS_FOLDER
        # One that is distilled belongs to the corpus.
        own = [] if teacher_of(recipe.dense) is None else [store.name]
        encoder_name = f"encoder-{form_hash('encoder', wanted['encoder'], *own)[:16]}"
        if not site.take_component(encoder_name):
            ensure_encoder(recipe.dense, site.new(encoder_name), vectors, store, progress)
            site.keep_component(encoder_name)
        components["encoder"] = [encoder_name]
        took("encoder")
        source = _vector_source(folder, how)
        if source.fingerprint:
            inputs["vectors"] = source.fingerprint
        with DenseBuilder(recipe.dense, folder / encoder_name, vectors, store, progress, source) as builder:
            components["dense"] = site.ensure(builder)
            counts["vectors"] = builder.counts
        took("dense")
    components["lexicon"] = site.ensure(LexiconBuilder(form_hash("lexicon", {}), store, progress, pieces))
    took("lexicon")
    result = Manifest(
        kind="index",
        name=name,
        recipe=to_table(recipe),
        inputs=inputs,
        files=site.files(components),
        counts=counts,
        wall_seconds=seconds,
        **manifest.here_and_now(),
    )
    manifest.write_sealed(folder / MANIFEST_FILE, result)
    remove_all_but(folder, {name for names in components.values() for name in names})
    remove_pieces(folder)
    return result


def _vector_source(folder: Path, how: How) -> VectorSource:
    """The folder of vectors that is named now, or what is known of the one that was named before."""
    if how.vectors is not None:
        from ragqa.index.given import GivenVectors

        given = GivenVectors(how.vectors)
        again = f", of which {given.n_repeated:,} have an id that comes again" if given.n_repeated else ""
        _log.info("%s: %s vectors of %d dimensions%s", how.vectors, f"{given.n_vectors:,}", given.dim, again)
        return VectorSource(given, given.fingerprint, how.update, how.ahead, how.memory_bytes)
    try:
        return VectorSource(
            None, read_manifest(folder).inputs.get("vectors", ""), how.update, how.ahead, how.memory_bytes
        )
    except ProductError:
        return VectorSource(None, "", how.update, how.ahead, how.memory_bytes)
