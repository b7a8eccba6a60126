"""The sentences of the documents, each in its place."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragqa.answer import terms
from ragqa.answer.abstract_parts import Part, part_of
from ragqa.answer.question import AskedFor
from ragqa.corpus import words
from ragqa.corpus.abbreviations import explained
from ragqa.corpus.evidence import LEVELS, evidence_level
from ragqa.corpus.sentences import split_sentences
from ragqa.corpus.text import abstract_sections
from ragqa.types import Document, Section, Span

_MAX_SENTENCES_PER_DOCUMENT = 400


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence in its place.

    Attributes
    ----------
    document
        Place of its document among those that are read, 0 the best.
    section, begin, end
        Where it stands; ``section.text[begin:end]`` is the sentence.
    part
        The part of the abstract that it belongs to; for an abstract of one part, by its place there.
    expanded
        The sentence with the abbreviations written out that its document explains.
    stems
        Stems of the content words of ``expanded``.
    coverage
        Weighted share of the question's words in it, 0 to 1.
    """

    document: int
    document_id: str
    section: Section
    begin: int
    end: int
    part: Part
    expanded: str
    stems: frozenset[str]
    coverage: float

    @property
    def text(self) -> str:
        """The sentence."""
        return self.section.text[self.begin : self.end]

    @property
    def span(self) -> Span:
        """The sentence as a span."""
        return Span(self.document_id, self.section.name, self.begin, self.end, self.text)


def passages_of(asked: AskedFor, documents: Sequence[Document]) -> list[Passage]:
    """All sentences of titles and abstracts, in order of the documents; abstracts in other languages are left out."""
    wanted = frozenset(asked.stems)
    return [passage for place, document in enumerate(documents) for passage in _of_document(wanted, place, document)]


def _of_document(wanted: frozenset[str], place: int, document: Document) -> list[Passage]:
    titles = [section for section in document.sections if section.name == "title"]
    read = (*titles, *abstract_sections(document))
    long_forms: dict[str, str] = {}
    for section in read:
        long_forms |= explained(section.text)
    passages: list[Passage] = []
    for section in read:
        spans = split_sentences(section.text)[:_MAX_SENTENCES_PER_DOCUMENT]
        part = part_of(section)
        for index, (begin, end) in enumerate(spans):
            expanded = _expanded(section.text[begin:end], long_forms)
            stems = frozenset(words.content_stems(expanded))
            told = part if part != "whole" else _part_by_place(index, len(spans))
            passages.append(
                Passage(place, document.id, section, begin, end, told, expanded, stems, terms.coverage(wanted, stems))
            )
    return passages


def _expanded(sentence: str, long_forms: Mapping[str, str]) -> str:
    for short, long_form in long_forms.items():
        if short in sentence and long_form not in sentence:
            pieces = re.split(rf"(?<!\w){re.escape(short)}(?!\w)", sentence)
            sentence = long_form.join(pieces)
    return sentence


def _part_by_place(index: int, n_sentences: int) -> Part:
    """In an abstract of one part the authors usually conclude in the last sentence, or the last two of a long one."""
    n_conclusion = 2 if n_sentences >= 8 else 1
    if index >= n_sentences - n_conclusion:
        return "conclusion"
    return "background" if n_sentences >= 5 and index < n_sentences * 0.25 else "findings"


def level_weight(document: Document) -> float:
    """How much a document counts by its evidence level: 1 for the strongest, .5 for the weakest."""
    return 1.0 - 0.5 * LEVELS.index(evidence_level(document)) / (len(LEVELS) - 1)
