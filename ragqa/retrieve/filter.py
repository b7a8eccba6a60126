"""Filters as a person writes them: MeSH headings with their narrower ones, checked values."""

import dataclasses
import logging

from ragqa.corpus.mesh_tree import MeshTree
from ragqa.errors import UsageError
from ragqa.types import Filter

_log = logging.getLogger(__name__)


def with_narrower_headings(allowed: Filter, tree: MeshTree | None) -> Filter:
    """The filter with all MeSH headings below the named ones in the tree added.

    Without a tree, or for a heading that the tree does not know, the heading is taken literally, and a
    warning says so.
    """
    if not allowed.mesh:
        return allowed
    if tree is None:
        _log.warning("the corpus has no MeSH tree: narrower headings of %s are not searched", ", ".join(allowed.mesh))
        return allowed
    unknown = [heading for heading in allowed.mesh if not tree.narrower_headings([heading])]
    if unknown:
        _log.warning("not in the MeSH tree, searched literally: %s", ", ".join(unknown))
    return dataclasses.replace(allowed, mesh=tuple(sorted({*allowed.mesh, *tree.narrower_headings(allowed.mesh)})))


def check_filter(allowed: Filter) -> None:
    """Refuse a filter that can match nothing.

    Raises
    ------
    UsageError
        The years are the wrong way round.
    """
    if allowed.year_from is not None and allowed.year_to is not None and allowed.year_from > allowed.year_to:
        raise UsageError(f"no year lies between {allowed.year_from} and {allowed.year_to}; give the earlier year first")
