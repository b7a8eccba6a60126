"""Corpus + recipe → index folder.

An index folder holds one component for each engine, in a folder named by what it was made from
(``bm25-1a2b3c…``, ``dense-4d5e6f…``), and ``manifest.json``, which names the components in force. A component
is built in ``….building`` and renamed when complete; then the manifest is replaced atomically. So a reader
sees the old index or the new one, and a killed build resumes. A component whose settings and corpus did not
change is kept, once its files are found to be as they were built (``component.json`` holds their hashes). One
that another index beside this one already has is not built again: its files, which nothing ever changes, are
linked (copied where the disk cannot link), so that each index is still a folder of its own.
"""

import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from ragqa import manifest
from ragqa.corpus.store import DocumentStore
from ragqa.errors import BackendError, ProductError, RecipeError
from ragqa.manifest import Manifest
from ragqa.recipe import Bm25Settings, DenseSettings, Recipe, to_table
from ragqa.types import Progress

_log = logging.getLogger(__name__)
_MANIFEST = "manifest.json"
_BUILDING = ".building"
_HASHES = "component.json"
_LAYOUTS = {"bm25": 1, "dense": 2}
"""Raised when the files of a component change their form: those of the old form are then built again."""


def build_index(
    name: str, recipe: Recipe, store: DocumentStore, folder: Path, progress: Progress | None = None
) -> Manifest:
    """Build, or complete, the index ``name`` of the documents in ``store`` in ``folder``.

    Raises
    ------
    RecipeError
        The recipe asks for a retriever whose settings it lacks.
    BackendError
        Java, a package, memory or disk is lacking; the previous index stays in force.
    """
    check_recipe(recipe)
    if len(store) == 0:
        raise ProductError(f"the corpus {store.name!r} has no documents; import some with: ragqa corpus import")
    folder.mkdir(parents=True, exist_ok=True)
    with manifest.exclusive(folder, "build"):
        return _build_components(name, recipe, store, folder, progress)


def _build_components(
    name: str, recipe: Recipe, store: DocumentStore, folder: Path, progress: Progress | None
) -> Manifest:
    seconds: dict[str, float] = {}
    components = component_names(recipe, store.state_hash)
    files: dict[str, str] = {}
    for kind, component in components.items():
        began = time.perf_counter()
        hashes = _ensure_component(folder / component, kind, recipe, store, progress)
        files |= {f"{component}/{path}": digest for path, digest in hashes.items()}
        seconds[kind] = round(time.perf_counter() - began, 3)
    result = Manifest(
        kind="index",
        name=name,
        recipe=to_table(recipe),
        inputs={"corpus": store.name, "corpus_state": store.state_hash},
        files=files,
        counts={"documents": len(store), "rows": store.n_rows, "components": components},
        wall_seconds=seconds,
        **manifest.here_and_now(),
    )
    manifest.write_json(folder / _MANIFEST, result)
    _remove_all_but(folder, set(components.values()))
    return result


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the index in ``folder``.

    Raises
    ------
    ProductError
        There is none, or it is damaged.
    """
    remedy = f"build the index with: ragqa index build {folder.name}"
    result = manifest.read_json(folder / _MANIFEST, Manifest, remedy)
    if result.kind != "index":
        raise ProductError(f"{folder} is not an index but a product of kind {result.kind!r}; {remedy}")
    return result


def check_recipe(recipe: Recipe) -> None:
    """Refuse a recipe whose retrievers have no settings.

    Raises
    ------
    RecipeError
        ``retrieve.retrievers`` is empty or names an engine without a table of its own.
    """
    if not recipe.retrieve.retrievers:
        raise RecipeError("retrieve.retrievers is empty; allowed: bm25, dense, or both")
    for kind in recipe.retrieve.retrievers:
        if getattr(recipe, kind) is None:
            raise RecipeError(f"retrieve.retrievers names {kind!r}, but the recipe has no table [{kind}]; add one")


def component_names(recipe: Recipe, corpus_state: str) -> dict[str, str]:
    """Kind → folder name of each component, made from the corpus and those settings that matter in building."""
    made_from: dict[str, object] = {}
    if recipe.bm25 is not None:
        made_from["bm25"] = {"engine": recipe.bm25.engine, "fields": sorted(recipe.bm25.fields)}
    if recipe.dense is not None:
        made_from["dense"] = to_table(recipe.dense)
    return {
        kind: f"{kind}-{manifest.content_hash([_LAYOUTS[kind], settings, corpus_state])[:12]}"
        for kind, settings in made_from.items()
    }


def _ensure_component(
    target: Path, kind: str, recipe: Recipe, store: DocumentStore, progress: Progress | None
) -> dict[str, str]:
    """Build a component unless it is there and whole; the hashes of its files."""
    if target.is_dir():
        if (hashes := _whole(target)) is not None:
            _log.info("%s is up to date", target.name)
            return hashes
        _log.warning("%s is damaged and is built again", target)
        shutil.rmtree(target)
    building = target.with_name(target.name + _BUILDING)
    try:
        if not _link_twin(target, building):
            building.mkdir(exist_ok=True)
            _BUILDERS[kind](building, recipe, store, progress)
            manifest.write_json(building / _HASHES, manifest.hash_files(building))
        building.rename(target)
    except OSError as error:
        raise BackendError(
            f"cannot write {building}: {error.strerror or error}; free some disk and run the same command again: "
            "what is finished is kept, and the previous index is untouched"
        ) from error
    manifest.sync_folder(target.parent)
    return manifest.read_json(target / _HASHES, dict[str, str], f"run: ragqa index build {target.parent.name}")


def _whole(component: Path) -> dict[str, str] | None:
    """The hashes of a component's files, or None where a file is missing or differs from its hash."""
    try:
        hashes = manifest.read_json(component / _HASHES, dict[str, str], "it is built again")
    except ProductError:
        return None
    return None if manifest.verify_files(component, hashes) else hashes


def _link_twin(target: Path, building: Path) -> bool:
    """Take the component from another index of the same home, if one has it."""
    twins = [path for path in target.parent.parent.glob(f"*/{target.name}") if path.is_dir() and path != target]
    twin = next((path for path in twins if _whole(path) is not None), None)
    if twin is None:
        return False
    _log.info("%s is taken from the index %s", target.name, twin.parent.name)
    shutil.rmtree(building, ignore_errors=True)
    shutil.copytree(twin, building, copy_function=_link_or_copy)
    return True


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _build_bm25(folder: Path, recipe: Recipe, store: DocumentStore, progress: Progress | None) -> None:
    settings = recipe.bm25 or Bm25Settings()
    if settings.engine == "lucene":
        from ragqa.index.lucene import build_lucene as build
    else:
        from ragqa.index.rank_bm25 import build_rank_bm25 as build
    build(store.scan(), folder, settings, total=len(store), progress=progress)


def _build_dense(folder: Path, recipe: Recipe, store: DocumentStore, progress: Progress | None) -> None:
    from ragqa.index.dense import build_dense

    # Vectors of the same texts and encoder are taken from other indexes, whatever their kind of FAISS index.
    others = [path for path in sorted(folder.parent.parent.glob("*/dense-*")) if path != folder]
    build_dense(
        store.scan(),
        folder,
        recipe.dense or DenseSettings(),
        n_documents=len(store),
        progress=progress,
        reuse=others,
    )


_BUILDERS: dict[str, Callable[[Path, Recipe, DocumentStore, Progress | None], None]] = {
    "bm25": _build_bm25,
    "dense": _build_dense,
}


def _remove_all_but(folder: Path, keep: set[str]) -> None:
    for path in folder.iterdir():
        if path.is_dir() and path.name not in keep and path.name.startswith(("bm25-", "dense-")):
            shutil.rmtree(path, ignore_errors=True)
