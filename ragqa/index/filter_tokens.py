"""Filters as tokens: what a document has, and what a filter wants, in words that an inverted index can match.

A token is an attribute and a value (``mesh:breast neoplasms``), casefolded, so that names match without regard to
case. White space inside is written as U+00A0: the tokens of a document are indexed as one text, split at spaces.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ragqa.corpus.columns import as_compared
from ragqa.corpus.table import has_abstract
from ragqa.types import Document, Filter

_MAX_LENGTH = 2000
"""Characters of a token that count; Lucene allows terms of 32,766 bytes."""


class Years(NamedTuple):
    """Inclusive bounds as tokens; they sort as the years do."""

    first: str
    last: str


def filter_tokens(document: Document) -> list[str]:
    """The tokens that a document is found by."""
    tokens = set(_named("type", (name for t in document.publication_types for name in (t.name, t.ui) if name)))
    tokens |= _named("mesh", (name for heading in document.mesh for name in (heading.name, heading.ui) if name))
    tokens |= _named("language", document.languages)
    chemicals = (name for c in document.chemicals for name in (c.name, c.ui, c.registry_number) if name)
    tokens |= _named("chemical", chemicals)
    tokens |= _named("concept", (name for c in document.supplementary_concepts for name in (c.name, c.ui) if name))
    tokens |= _named("accession", (accession.number for accession in document.accessions))
    if document.journal:
        tokens |= _named("journal", (document.journal,))
    if document.year is not None:
        tokens.add(_year(document.year))
    if has_abstract(document):
        tokens.add("has:abstract")
    if not document.retracted:
        tokens.add("not:retracted")
    return sorted(tokens)


def wanted_tokens(allowed: Filter) -> list[frozenset[str]]:
    """What a filter wants: of each set at least one token must be there. Years are in :func:`wanted_years`."""
    wanted = [
        _named("type", allowed.publication_types),
        _named("mesh", allowed.mesh),
        _named("journal", allowed.journals),
        _named("language", allowed.languages),
        _named("chemical", allowed.chemicals),
        _named("concept", allowed.supplementary_concepts),
        _named("accession", allowed.accessions),
        {"has:abstract"} if allowed.has_abstract else set(),
        {"not:retracted"} if allowed.not_retracted else set(),
    ]
    return [frozenset(tokens) for tokens in wanted if tokens]


def wanted_years(allowed: Filter) -> Years | None:
    """The years that a filter wants, or None where it takes any."""
    if allowed.year_from is None and allowed.year_to is None:
        return None
    first = 0 if allowed.year_from is None else allowed.year_from
    return Years(_year(first), _year(9999 if allowed.year_to is None else allowed.year_to))


def matches(tokens: frozenset[str], allowed: Filter) -> bool:
    """Whether a document with these tokens is allowed."""
    years = wanted_years(allowed)
    if years is not None and not any(
        years.first <= token <= years.last for token in tokens if token.startswith("year:")
    ):
        return False
    return all(tokens & wanted for wanted in wanted_tokens(allowed))


def _named(attribute: str, names: Iterable[str]) -> set[str]:
    return {f"{attribute}:{as_compared(name)}"[:_MAX_LENGTH] for name in names}


def _year(year: int) -> str:
    return f"year:{min(max(year, 0), 9999):04d}"
