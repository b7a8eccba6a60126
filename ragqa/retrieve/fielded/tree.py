"""What a fielded query is made of."""

from dataclasses import dataclass
from typing import Literal

Field = Literal["text", "title", "author", "journal", "language", "mesh", "type", "year", "id"]

TAGS: dict[str, Field] = {
    "tiab": "text", "title/abstract": "text", "tw": "text", "text word": "text", "all": "text", "all fields": "text",
    "ti": "title", "title": "title",
    "au": "author", "author": "author",
    "ta": "journal", "jour": "journal", "journal": "journal", "so": "journal",
    "la": "language", "lang": "language", "language": "language",
    "mh": "mesh", "mesh": "mesh", "mesh terms": "mesh",
    "pt": "type", "publication type": "type",
    "dp": "year", "pdat": "year", "date - publication": "year", "year": "year",
    "pmid": "id", "uid": "id",
}  # fmt: skip
"""PubMed's tags, and the field that each stands for."""


@dataclass(frozen=True, slots=True)
class Term:
    """Words, or a name, in one field; ``exact`` where they were quoted; ``begin`` is their place in the query."""

    field: Field
    text: str
    exact: bool
    begin: int


@dataclass(frozen=True, slots=True)
class Years:
    """Years of publication, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Both:
    """What both parts find."""

    one: "Node"
    other: "Node"


@dataclass(frozen=True, slots=True)
class Either:
    """What one of the parts finds."""

    one: "Node"
    other: "Node"


@dataclass(frozen=True, slots=True)
class Without:
    """What the first part finds and the other does not."""

    one: "Node"
    other: "Node"


Node = Term | Years | Both | Either | Without
