"""Gold evidence: where in the given documents it stands that a claim holds, or what a trial found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ragqa.corpus.sentences import split_sentences
from ragqa.types import Document, Section

SUPPORTS, CONTRADICTS, NEITHER = "supports", "contradicts", "neither"
CLAIM_LABELS = (SUPPORTS, CONTRADICTS, NEITHER)
INCREASED, DECREASED, NO_DIFFERENCE = "increased", "decreased", "no difference"
EFFECT_LABELS = (INCREASED, DECREASED, NO_DIFFERENCE)


class Place(NamedTuple):
    """A stretch of a document: characters ``begin`` to ``end`` of a section."""

    document_id: str
    section: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class GoldEvidence:
    """What one document says to a claim.

    Attributes
    ----------
    document_id
        The document.
    label
        Its gold label.
    rationales
        Alternative proofs, each of one or more places that are needed together; empty where the data does not tell
        where the evidence stands.
    """

    document_id: str
    label: str
    rationales: tuple[tuple[Place, ...], ...] = ()


def joined_sentences(document_id: str, sentences: Sequence[str]) -> tuple[Section, tuple[Place, ...]]:
    """Sentences as one abstract, and where each of them stands.

    >>> section, places = joined_sentences("1", ["One.", "Two."])
    >>> section.text, [section.text[place.begin : place.end] for place in places]
    ('One. Two.', ['One.', 'Two.'])
    """
    places, begin = [], 0
    for sentence in sentences:
        places.append(Place(document_id, "abstract", begin, begin + len(sentence)))
        begin += len(sentence) + 1
    return Section("abstract", " ".join(sentences)), tuple(places)


def sentence_places(document: Document) -> tuple[Place, ...]:
    """The sentences of a document's sections, the title left out, as ragqa divides them."""
    return tuple(
        Place(document.id, section.name, begin, end)
        for section in document.sections
        if section.name != "title"
        for begin, end in split_sentences(section.text)
    )


def touched(places: Sequence[Place], marked: Iterable[Place]) -> list[int]:
    """Numbers of those places of which marked ones cover more than half, in the order of the marks.

    A reader may divide sentences otherwise than the makers of the data did; half decides.

    >>> sentences = [Place("1", "abstract", 0, 10), Place("1", "abstract", 11, 20)]
    >>> touched(sentences, [Place("1", "abstract", 8, 20)])
    [1]
    """
    found: list[int] = []
    for mark in marked:
        for number, place in enumerate(places):
            if place[:2] != mark[:2] or number in found:
                continue
            overlap = min(place.end, mark.end) - max(place.begin, mark.begin)
            if overlap * 2 > place.end - place.begin:
                found.append(number)
    return found
