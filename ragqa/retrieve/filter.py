"""Filters as a person writes them: MeSH headings with their narrower ones, checked values."""

import dataclasses
import logging

from ragqa.corpus.mesh import Mesh
from ragqa.errors import UsageError
from ragqa.types import Filter

_log = logging.getLogger(__name__)


def with_narrower_headings(allowed: Filter, mesh: Mesh | None) -> Filter:
    """The filter with all MeSH headings below the named ones added; an entry term stands for its heading.

    In a corpus without MeSH, or for a heading that it does not know, the heading is taken literally, and a
    warning says so.
    """
    if not allowed.mesh:
        return allowed
    if mesh is None:
        _log.warning("the corpus has no MeSH: narrower headings of %s are not searched", ", ".join(allowed.mesh))
        return allowed
    if unknown := [name for name in allowed.mesh if not mesh.heading_of(name)]:
        _log.warning("no headings of MeSH, searched literally: %s", ", ".join(unknown))
    return dataclasses.replace(allowed, mesh=tuple(sorted(mesh.meant_by(allowed.mesh))))


def check_filter(allowed: Filter) -> None:
    """Refuse a filter that can match nothing.

    Raises
    ------
    UsageError
        The years are the wrong way round.
    """
    if allowed.year_from is not None and allowed.year_to is not None and allowed.year_from > allowed.year_to:
        raise UsageError(f"no year lies between {allowed.year_from} and {allowed.year_to}; give the earlier year first")
