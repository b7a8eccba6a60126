"""Corpora and indexes for runs, found again by what they were made from."""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragqa import home, products, recipe
from ragqa.corpus.formats import corpus_format
from ragqa.errors import UsageError
from ragqa.evaluate.tasks.task import CorpusSource
from ragqa.index.forms import check_recipe, forms
from ragqa.manifest import content_hash, file_hash
from ragqa.recipe import Recipe, to_table
from ragqa.types import Progress

_log = logging.getLogger(__name__)
DEFAULT_RECIPE = "default"


def prepare_corpus(label: str, source: CorpusSource, progress: Progress | None = None) -> str:
    """Import ``source`` as the corpus ``LABEL-HASH``, unless that is there; returns its name.

    The hash is of the files that the format reads and of how they are read, so that the same data under another path
    is not imported again.

    Raises
    ------
    UsageError
        ``source`` holds no file of that format.
    """
    if not source.path.exists():
        raise UsageError(f"there is nothing at {source.path}; give the folder or file with --data")
    name = f"{slug(label)}-{_source_hash(source)[:8]}"
    if not products.is_built("corpora", name):
        _log.info("importing %s as the corpus %s", source.path, name)
        products.import_corpus(
            name,
            source.path,
            source.format,
            progress,
            leave_out=source.leave_out,
            question_as_title=source.question_as_title,
        )
    return name


@dataclass(frozen=True, slots=True)
class WantedIndex:
    """An index that is to be searched with ``recipe``, built or not.

    ``build_with`` are the overrides that it is built with: those of ``recipe`` where they ask for other components
    than the recipe's file alone, else none.
    """

    corpus: str
    corpus_state: str
    name: str
    recipe: Recipe
    recipe_name: str
    recipe_path: Path | None = None
    build_with: tuple[str, ...] = ()


def wanted_index(corpus: str, recipe_name: str, overrides: Sequence[str] = ()) -> WantedIndex:
    """The index of ``corpus`` for a recipe with overrides.

    It is called ``CORPUS-RECIPE``, and ``CORPUS-RECIPE-HASH`` where the overrides ask for other components than the
    recipe alone.
    """
    path = home.recipe_path("indexes", recipe_name)
    plain = replace(recipe.load(path, Recipe), corpus=corpus)
    settings = replace(recipe.load(path, Recipe, overrides), corpus=corpus)
    check_recipe(settings)
    with products.open_store(corpus) as store:
        state = store.state_hash
    name = f"{corpus}-{slug(path.stem)}"
    if forms(settings) == forms(plain):
        return WantedIndex(corpus, state, name, settings, path.stem, path)
    name += f"-{content_hash(forms(settings))[:6]}"
    return WantedIndex(corpus, state, name, settings, path.stem, path, tuple(overrides))


def built_index(name: str, overrides: Sequence[str] = ()) -> WantedIndex:
    """A built index by its name, to be searched with overrides of its query-time settings."""
    built = products.index_manifest(name)
    settings = recipe.from_table(recipe.override(built.recipe, overrides), Recipe, f"index {name!r}")
    return WantedIndex(built.inputs["corpus"], built.inputs["corpus_state"], name, settings, name)


def ensure_index(wanted: WantedIndex, progress: Progress | None = None) -> str:
    """Build the index unless it is there; returns the hash of its files.

    What another index of the corpus has already is taken from it.
    """
    if wanted.recipe_path is not None:
        settings = replace(recipe.load(wanted.recipe_path, Recipe, wanted.build_with), corpus=wanted.corpus)
        if not _is_current(wanted.name, settings, wanted.corpus_state):
            products.build_index(wanted.name, str(wanted.recipe_path), wanted.corpus, wanted.build_with, progress)
    return content_hash(products.index_manifest(wanted.name).files)


def slug(text: str) -> str:
    """A text as part of a file name.

    >>> slug("Biology (demo) 2.0"), slug("A+")
    ('biology-demo-2.0', 'a-plus')
    """
    return re.sub(r"[^a-z0-9._]+", "-", text.lower().replace("+", "-plus")).strip("-.")[:60] or "data"


def _is_current(name: str, settings: Recipe, corpus_state: str) -> bool:
    if not products.is_built("indexes", name):
        return False
    built = products.index_manifest(name)
    return (
        content_hash(built.recipe) == content_hash(to_table(settings))
        and built.inputs.get("corpus_state") == corpus_state
    )


def _source_hash(source: CorpusSource) -> str:
    patterns = corpus_format(source.format).patterns
    root = source.path
    paths = [root] if root.is_file() else sorted({p for pattern in patterns for p in root.glob(pattern)})
    if not paths:
        raise UsageError(f"{root} holds no file {' or '.join(patterns)}; give the folder or file with --data")
    digest = hashlib.sha256(source.format.encode())
    if source.leave_out or not source.question_as_title:
        digest.update(content_hash([sorted(source.leave_out), source.question_as_title]).encode())
    for path in paths:
        digest.update(bytes.fromhex(file_hash(path)))
    return digest.hexdigest()
