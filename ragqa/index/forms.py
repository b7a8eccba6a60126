"""Which settings of a recipe are settled when an index is built; the others hold when it is searched."""

from typing import Any

from ragqa import manifest
from ragqa.errors import RecipeError
from ragqa.recipe import Recipe, to_table

LAYOUTS = {"bm25": 3, "encoder": 1, "dense": 5, "lexicon": 1}
"""Raised when the files of a component change their form: those of the old form are then built again."""

_NOT_OF_THE_ENCODER = {"faiss", "missing", "overlap_tokens", "query_prefix", "rescore"}
_OF_QUERIES = {"query_encoder", "query_max_tokens"}


def forms(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Kind of component (``bm25``, ``encoder``, ``dense``) → the settings that it was built with.

    >>> from ragqa.recipe import Bm25Settings
    >>> forms(Recipe(bm25=Bm25Settings(k1=2.0))) == forms(Recipe(bm25=Bm25Settings()))
    True
    """
    found: dict[str, dict[str, Any]] = {}
    if recipe.bm25 is not None:
        found["bm25"] = {"engine": recipe.bm25.engine, "fields": sorted(recipe.bm25.fields)}
    if recipe.dense is not None:
        table = to_table(recipe.dense)
        found["encoder"] = {key: value for key, value in table.items() if key not in _NOT_OF_THE_ENCODER}
        found["dense"] = {
            **{key: value for key, value in found["encoder"].items() if key not in _OF_QUERIES},
            "faiss": recipe.dense.faiss,
            "overlap_tokens": recipe.dense.overlap_tokens,
        }
        if recipe.dense.missing != "encode":
            found["dense"]["missing"] = recipe.dense.missing
    return found


def form_hash(kind: str, settings: dict[str, Any], *others: str) -> str:
    """Hash of the settings of a component; ``others`` are what else it depends on."""
    return manifest.content_hash([LAYOUTS[kind], settings, *others])


def index_hash(recipe: Recipe, corpus_state: str) -> str:
    """Hash of what an index is built from: equal for recipes that differ in query-time settings only."""
    return manifest.content_hash([forms(recipe), LAYOUTS, corpus_state])


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
