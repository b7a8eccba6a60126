"""Corpora and indexes by name: where a name becomes a recipe, a folder, and a built product."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ragqa import home, recipe
from ragqa.corpus import build as corpus_build
from ragqa.corpus.build import CorpusSettings
from ragqa.corpus.nlm_fetch import SOURCES_FOLDER, FetchReport, fetch_mesh, fetch_pubmed
from ragqa.corpus.nlm_listing import NLM, mirror_address
from ragqa.corpus.state import state_path
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.verify import damaged_files
from ragqa.errors import ProductError, UsageError, nearest
from ragqa.fetch import source_address
from ragqa.index import build as index_build
from ragqa.index import folder as index_folder
from ragqa.index.build import How
from ragqa.index.builders import Ahead
from ragqa.index.open import Index, OpenIndex, open_index
from ragqa.manifest import Manifest, content_hash, read_sealed, verify_files, write_atomically
from ragqa.recipe import Recipe
from ragqa.stores import is_address
from ragqa.types import Progress, Tasks


def build_corpus(
    name: str,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
    *,
    thorough: bool = True,
    tasks: Tasks | None = None,
) -> Manifest:
    """Build the corpus ``name`` from its recipe; what is finished is kept.

    ``tasks`` are other machines that read the sources: see :class:`ragqa.ray.tasks.TasksOnRay`.

    Raises
    ------
    UsageError
        There is no recipe of that name.
    SourceError
        A source file is missing or damaged.
    """
    path = home.recipe_path("corpora", name)
    settings = recipe.load(path, CorpusSettings, overrides)
    folder = home.product_path("corpora", name)
    pinned = partial(pinned_states, name)
    return corpus_build.build_corpus(
        name, settings, path.parent, folder, progress, pinned=pinned, thorough=thorough, tasks=tasks
    )


def fetch_corpus(name: str, mirror: str = "", progress: Progress | None = None) -> FetchReport:
    """Fetch what is new at the source that the recipe of the corpus ``name`` names; the corpus is not built.

    Parameters
    ----------
    mirror
        Address (http, https or file) or folder with ``baseline/`` and ``updatefiles/`` that is asked instead; "" for
        the one in the recipe, or its copy below ``RAGQA_MIRROR``.

    Raises
    ------
    UsageError
        The recipe names no source to fetch from, or ``mirror`` is none.
    SourceError
        Something could not be fetched; what came is kept.
    """
    path = home.recipe_path("corpora", name)
    settings = recipe.load(path, CorpusSettings)
    if not settings.fetch or settings.format != "pubmed-xml":
        raise UsageError(
            f"{path} names nothing to fetch from; add to it: fetch = {NLM!r} (with format = 'pubmed-xml'), "
            "or fetch the corpus 'pubmed'"
        )
    address = mirror_address(mirror or settings.fetch)
    if not mirror and address.startswith("http"):
        address = source_address(address)
    folder = home.product_path("corpora", name) / SOURCES_FOLDER
    report = fetch_pubmed(address, folder, progress)
    if settings.fetch_mesh:
        fetch_mesh(settings.fetch_mesh, folder, progress)
    return report


def import_corpus(
    name: str,
    source: Path | str,
    format_name: str,
    progress: Progress | None = None,
    *,
    leave_out: Sequence[str] = (),
    question_as_title: bool = True,
) -> Manifest:
    """Build the corpus ``name`` from the file, folder or address ``source``, and keep a recipe that says so.

    ``leave_out`` and ``question_as_title`` are as in :class:`ragqa.corpus.settings.CorpusSettings`.

    Raises
    ------
    UsageError
        ``source`` does not exist, or ``name`` is already the name of a corpus with other sources.
    """
    if not is_address(str(source)):
        source = Path(source).absolute()
        if not source.exists():
            raise UsageError(f"there is nothing at {source}; give a file or folder with {format_name} data")
    folder = home.product_path("corpora", name)
    table = {
        "sources": [str(source)],
        "format": format_name,
        "leave_out": list(leave_out),
        "question_as_title": question_as_title,
    }
    settings = recipe.from_table(table, CorpusSettings, "import")
    path = folder.with_name(f"{name}.toml")
    if path.exists() and recipe.load(path, CorpusSettings) != settings:
        raise UsageError(f"{path} describes another corpus; choose another name, or delete that file first")
    pinned = partial(pinned_states, name)
    manifest = corpus_build.build_corpus(name, settings, folder.parent, folder, progress, pinned=pinned)
    write_atomically(path, _toml(settings).encode())
    return manifest


def build_index(
    name: str,
    recipe_name: str | None = None,
    corpus_name: str | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
    *,
    merge: bool = False,
    vectors: Path | None = None,
    ahead: Ahead | None = None,
    memory_bytes: int | None = None,
    tasks: Tasks | None = None,
) -> Manifest:
    """Build the index ``name``, and its corpus first where that has a recipe but is not built yet.

    Parameters
    ----------
    recipe_name
        A recipe under ``indexes/`` or a path to one; None: the recipe called ``name``, else ``default``.
    corpus_name
        The corpus; None: the one that the recipe names, else the one called ``name``.
    merge
        Whether the index is to consist of one segment, without documents that are gone from the corpus.
    vectors
        A folder with vectors of the recipe's encoder that exist already; see :mod:`ragqa.index.given`.
    ahead
        Encodes elsewhere what is new: see :class:`ragqa.ray.encode.EncodeOnRay`.
    memory_bytes
        What this process may take at most while it builds; the kind of the index of vectors follows it. None: Java
        takes a quarter of the memory at most, FAISS what is free.
    tasks
        Other machines that make segments of Lucene and, where the corpus is not built yet, its parts: see
        :class:`ragqa.ray.tasks.TasksOnRay`.
    """
    chosen = recipe_name or (name if name in home.recipe_names("indexes") else "default")
    settings = recipe.load(home.recipe_path("indexes", chosen), Recipe, overrides)
    corpus_name = corpus_name or settings.corpus or name
    settings = replace(settings, corpus=corpus_name)
    how = How(merge=merge, vectors=vectors, ahead=ahead, memory_bytes=memory_bytes, tasks=tasks)
    index_build.check(settings, how)
    folder = home.product_path("indexes", name)
    if not is_built("corpora", corpus_name) and corpus_name in home.recipe_names("corpora"):
        build_corpus(corpus_name, progress=progress, tasks=tasks)
    with open_store(corpus_name) as store:
        return index_build.build_index(name, settings, store, folder, progress, how=how)


def update_index(
    name: str, progress: Progress | None = None, *, merge: bool = False, memory_bytes: int | None = None
) -> Manifest:
    """Bring the index ``name`` up to the state of its corpus, with the settings that it was built with.

    Only what is new is indexed and encoded. Small segments are merged when there are many; with ``merge``, all are.
    ``memory_bytes`` is as in :func:`build_index`.
    """
    built, settings = _as_built(name)
    how = How(thorough=False, merge=merge, update=True, memory_bytes=memory_bytes)
    with open_store(built.inputs["corpus"]) as store:
        return index_build.build_index(name, settings, store, product_folder("indexes", name), progress, how=how)


def update(
    name: str,
    progress: Progress | None = None,
    *,
    merge: bool = False,
    mirror: str = "",
    memory_bytes: int | None = None,
) -> tuple[Manifest, Manifest]:
    """Read what came to the corpus of the index ``name``, then bring the index up to it: their manifests.

    Where the recipe of the corpus names a source, what is new there is fetched first, from ``mirror`` if that is given.
    Until the end, searches are answered from the state before. ``memory_bytes`` is as in :func:`build_index`.
    """
    built, settings = _as_built(name)
    index_build.check(settings, How(memory_bytes=memory_bytes))
    corpus_name = built.inputs["corpus"]
    if mirror or recipe.load(home.recipe_path("corpora", corpus_name), CorpusSettings).fetch:
        fetch_corpus(corpus_name, mirror, progress)
    corpus = build_corpus(corpus_name, progress=progress, thorough=False)
    return corpus, update_index(name, progress, merge=merge, memory_bytes=memory_bytes)


def _as_built(name: str) -> tuple[Manifest, Recipe]:
    """The manifest of an index, and the recipe that it was built with."""
    built = index_manifest(name)
    return built, recipe.from_table(built.recipe, Recipe, f"index {name!r}")


def verify_corpus(name: str) -> list[str]:
    """Those files of a corpus that are missing or differ from their hashes."""
    return damaged_files(product_folder("corpora", name))


def verify_index(name: str) -> tuple[Manifest, list[str]]:
    """The manifest of an index, and the names of those of its files that differ from it."""
    manifest = index_manifest(name)
    return manifest, verify_files(product_folder("indexes", name), manifest.files)


def index_manifest(name: str) -> Manifest:
    """The manifest of the index ``name``."""
    return index_folder.read_manifest(product_folder("indexes", name))


def index_state(name: str) -> str:
    """Hash of the state of the index ``name`` that is in force: another hash, another state."""
    return content_hash(index_manifest(name))


def corpus_manifest(name: str) -> Manifest:
    """The manifest of the corpus ``name``."""
    remedy = f"build the corpus with: ragqa corpus build {name}"
    return read_sealed(product_folder("corpora", name) / "manifest.json", Manifest, remedy)


def open_store(name: str, state_hash: str = "") -> DocumentStore:
    """The documents of the corpus ``name``: of the state given, or of the one in force."""
    return DocumentStore.open(product_folder("corpora", name), state_hash)


def open_pinned(
    name: str, overrides: Sequence[str] = (), opener: OpenIndex = open_index
) -> tuple[DocumentStore, Index, Recipe]:
    """The index ``name``, the state of the corpus that it was built from, and its recipe with ``overrides``.

    ``opener`` opens the components: here, or by the nodes of a cluster (:func:`ragqa.ray.search.opener`).

    Raises
    ------
    ProductError
        The index or its corpus is damaged, or they do not fit each other.
    """
    while True:
        built = index_manifest(name)
        settings = recipe.from_table(recipe.override(built.recipe, overrides), Recipe, f"index {name!r}")
        try:
            store = open_store(built.inputs["corpus"], built.inputs["corpus_state"])
            try:
                return store, opener(product_folder("indexes", name), settings, store), settings
            except BaseException:
                store.close()
                raise
        except ProductError as error:
            # An update may have put another index in force while this one was being opened.
            if index_manifest(name) == built:
                _tell_of_lost_state(name, built, error)
                raise


def _tell_of_lost_state(name: str, built: Manifest, error: ProductError) -> None:
    """Where the state that an index was built from is gone, say so: building the corpus would not bring it back."""
    corpus = built.inputs["corpus"]
    if (
        is_built("corpora", corpus)
        and not state_path(product_folder("corpora", corpus), built.inputs["corpus_state"]).is_file()
    ):
        raise ProductError(
            f"the index {name!r} was built from a state of the corpus {corpus!r} that is gone; "
            f"run: ragqa index update {name}"
        ) from error


def product_folder(kind: str, name: str) -> Path:
    """The folder of the built product ``name`` of a kind (``corpora``, ``indexes``).

    Raises
    ------
    UsageError
        There is none; the message names the nearest one and how to build it.
    """
    folder = home.product_path(kind, name)
    if is_built(kind, name):
        return folder
    noun = {"indexes": "index", "corpora": "corpus"}[kind]
    known = [path.parent.name for path in folder.parent.glob("*/manifest.json")] + home.recipe_names(kind)
    meant = "it is not built yet" if name in known else nearest(name, known)
    raise UsageError(
        f"there is no {noun} {name!r} under {folder.parent}; {meant}; build it with: ragqa {noun} build {name}"
    )


def is_built(kind: str, name: str) -> bool:
    """Whether the product ``name`` of a kind (``corpora``, ``indexes``) is there."""
    return (home.product_path(kind, name) / "manifest.json").is_file()


def pinned_states(corpus: str) -> set[str]:
    """The states of a corpus that indexes were built from."""
    pinned = set()
    for path in (home.home() / "indexes").glob("*/manifest.json"):
        try:
            built = index_folder.read_manifest(path.parent)
        except ProductError:
            continue
        if built.inputs.get("corpus") == corpus:
            pinned.add(built.inputs.get("corpus_state", ""))
    return pinned


def _toml(settings: CorpusSettings) -> str:
    import json

    def strings(values: Sequence[str]) -> str:
        return f"[{', '.join(json.dumps(value, ensure_ascii=False) for value in values)}]"

    lines = [f'format = "{settings.format}"', f"sources = {strings(settings.sources)}"]
    if settings.leave_out:
        lines.append(f"leave_out = {strings(settings.leave_out)}")
    if not settings.question_as_title:
        lines.append("question_as_title = false")
    return "\n".join(lines) + "\n"
