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
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ragqa import manifest
from ragqa.corpus.store import DocumentStore
from ragqa.errors import BackendError, ProductError, UsageError
from ragqa.index import segments
from ragqa.index.builders import Ahead, Bm25Builder, DenseBuilder, VectorSource, ensure_encoder
from ragqa.index.forms import check_recipe, form_hash, forms
from ragqa.index.lexicon import LexiconBuilder
from ragqa.index.memory import shared_out
from ragqa.index.pieces import Pieces, remove_pieces
from ragqa.index.presets import teacher_of
from ragqa.index.segments import Placed, Span
from ragqa.manifest import Manifest
from ragqa.recipe import Recipe, to_table
from ragqa.types import Progress, Tasks

_log = logging.getLogger(__name__)
MANIFEST_FILE = "manifest.json"
VECTORS_FOLDER = ".vectors"
_BUILDING = ".building"
_KINDS = ("bm25", "encoder", "dense", "lexicon")


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


class Builder(Protocol):
    """Builds the segments of one kind."""

    kind: str
    form: str

    def begin(self, spans: Sequence[Span]) -> None:
        """Be told of all that :meth:`build` will be asked for."""
        ...

    def build(self, span: Span, folder: Path) -> None:
        """Make the segment of the live documents of ``span`` in ``folder``."""
        ...

    def merge(self, sources: Sequence[Placed], span: Span, folder: Path) -> None:
        """Make the segment of ``span`` from those that cover it."""
        ...


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

    site = _Site(folder, store, how, recipe.segments)
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


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the index in ``folder``.

    Raises
    ------
    ProductError
        There is none, or it is damaged.
    """
    again = f"build the index with: ragqa index build {folder.name}"
    result = manifest.read_sealed(folder / MANIFEST_FILE, Manifest, again)
    if result.kind != "index":
        raise ProductError(f"{folder} is not an index but a product of kind {result.kind!r}; {again}")
    return result


def remedy(folder: Path) -> str:
    """The next step where a file of the index in ``folder`` is missing or damaged."""
    return f"build it again: ragqa index build {folder.name}"


class _Site:
    """The folder of an index while it is built."""

    def __init__(self, folder: Path, store: DocumentStore, how: How, n_segments: int) -> None:
        self._folder = folder
        self._store = store
        self._how = how
        self._again = remedy(folder)
        self._n_segments = n_segments

    def ensure(self, builder: Builder) -> list[str]:
        """The folders of the segments of one kind, in order; those that are not there are built, many are merged."""
        store, dead, n_segments = self._store, self._store.dead_rows(), self._n_segments
        most = segments.most_rows(store.n_rows, n_segments)
        available = {
            path.name: found
            for path in sorted(self._folder.glob(f"{builder.kind}-*"))
            if (found := self._whole(path)) is not None and found[0].form == builder.form and found[0].n_rows <= most
        }
        planned = segments.divided(segments.plan(available, store.parts, dead), store.parts, n_segments)
        known = [span if span.folder else self._taken(builder, span) for span in planned]
        builder.begin([span for span in known if not span.folder])
        spans = [span if span.folder else self._made(builder, span, partial(builder.build, span)) for span in known]
        held = [segments.read_segment(self._folder / span.folder, self._again)[0].n_documents for span in spans]
        after = segments.to_merge(spans, dead, held, everything=self._how.merge, n_segments=n_segments)
        return [(span if span.folder else self._merged(builder, spans, span)).folder for span in after]

    def _merged(self, builder: Builder, spans: Sequence[Span], whole: Span) -> Span:
        sources = [
            Placed(
                self._folder / span.folder,
                span.first_row,
                self._store.dead_rows()[span.first_row : span.end_row],
                self._again,
            )
            for span in spans
            if whole.first_row <= span.first_row and span.end_row <= whole.end_row
        ]
        return self._made(builder, whole, partial(builder.merge, sources, whole))

    def _name(self, builder: Builder, span: Span) -> str:
        parts = self._store.parts[span.first_part : span.end_part]
        dead = self._store.dead_rows()[span.first_row : span.end_row]
        return segments.segment_name(builder.kind, builder.form, parts, dead)

    def _taken(self, builder: Builder, span: Span) -> Span:
        """The span with its segment, where that is there or another index has it."""
        name = self._name(builder, span)
        target = self._folder / name
        if not (target.is_dir() and self._whole(target) is not None):
            if not self._link_twin(name, self.new(name), segments.SEGMENT_FILE):
                return span
            self._put_in_place(name)
        return replace(span, folder=name)

    def _made(self, builder: Builder, span: Span, make: Callable[[Path], None]) -> Span:
        """The span with the segment that ``make`` makes, unless there is one already."""
        found = self._taken(builder, span)
        if found.folder:
            return found
        name = self._name(builder, span)
        make(building := self.new(name))
        parts = self._store.parts[span.first_part : span.end_part]
        segments.finish(building, builder.form, parts, self._store.dead_rows()[span.first_row : span.end_row])
        self._put_in_place(name)
        return replace(span, folder=name)

    def take_component(self, name: str) -> bool:
        """Whether a component that is no segment is there and whole, or could be taken from another index."""
        target = self._folder / name
        if target.is_dir() and _sound(target):
            return True
        if not self._link_twin(name, self.new(name), HASHES_FILE):
            return False
        self._put_in_place(name)
        return True

    def keep_component(self, name: str) -> None:
        """Put a component that was made in :meth:`new` in its place."""
        building = self._folder / (name + _BUILDING)
        manifest.sync_tree(building)
        manifest.write_json(building / HASHES_FILE, manifest.hash_files(building))
        self._put_in_place(name)

    def new(self, name: str) -> Path:
        """An empty folder in which a component is to be made."""
        building = self._folder / (name + _BUILDING)
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        return building

    def files(self, components: dict[str, list[str]]) -> dict[str, str]:
        """Path within the index → sha256 of every file of its components."""
        found: dict[str, str] = {}
        for names in components.values():
            for name in names:
                record = self._folder / name / segments.SEGMENT_FILE
                if record.is_file():
                    hashes = manifest.read_sealed(record, segments.Segment, self._again).files
                else:
                    record = self._folder / name / HASHES_FILE
                    hashes = manifest.read_json(record, dict[str, str], self._again)
                found[f"{name}/{record.name}"] = manifest.file_hash(record)
                found |= {f"{name}/{path}": digest for path, digest in hashes.items()}
        return found

    def _whole(self, folder: Path) -> "tuple[segments.Segment, segments.Rows] | None":
        if not (folder / segments.SEGMENT_FILE).is_file():
            return None
        try:
            return segments.read_segment(folder, "it is built again", thorough=self._how.thorough)
        except ProductError as error:
            _log.warning("%s", error)
            return None

    def _put_in_place(self, name: str) -> None:
        target = self._folder / name
        shutil.rmtree(target, ignore_errors=True)  # a damaged one
        (self._folder / (name + _BUILDING)).rename(target)
        manifest.sync_folder(self._folder)

    def _link_twin(self, name: str, building: Path, record: str) -> bool:
        """Take a component from another index of the same home, if one has it."""
        for twin in sorted(self._folder.parent.glob(f"*/{name}")):
            if twin.parent == self._folder:
                continue
            try:
                held = manifest.Hold(twin / record)
            except OSError:  # it has none, or an update removes it just now
                continue
            try:
                if (self._whole(twin) is not None) if record == segments.SEGMENT_FILE else _sound(twin):
                    _log.info("%s is taken from the index %s", name, twin.parent.name)
                    shutil.copytree(twin, building, copy_function=segments.link_or_copy, dirs_exist_ok=True)
                    manifest.sync_tree(building)
                    return True
            finally:
                held.release()
        return False


HASHES_FILE = "component.json"


def _sound(component: Path) -> bool:
    """Whether every file of a component that is no segment is as it was built."""
    try:
        hashes = manifest.read_json(component / HASHES_FILE, dict[str, str], "it is built again")
    except ProductError:
        return False
    return not manifest.verify_files(component, hashes)


def remove_all_but(folder: Path, keep: set[str]) -> None:
    """Remove leftovers and the components that are no longer in force, unless a reader holds them."""
    manifest.remove_unfinished(folder)
    for path in folder.iterdir():
        if not path.is_dir() or path.name in keep or not path.name.startswith(tuple(f"{kind}-" for kind in _KINDS)):
            continue
        records = [path / record for record in (segments.SEGMENT_FILE, HASHES_FILE) if (path / record).is_file()]
        if all(manifest.remove_unheld(record) for record in records):
            shutil.rmtree(path, ignore_errors=True)
