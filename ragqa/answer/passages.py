"""The sentences of the documents, with what tells how well each answers the question."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragqa.answer import phrases, terms
from ragqa.answer.abstract_parts import Part, part_of
from ragqa.answer.question import AskedFor
from ragqa.corpus import words
from ragqa.corpus.evidence import LEVELS, evidence_level
from ragqa.corpus.sentences import split_sentences
from ragqa.corpus.text import abstract_sections
from ragqa.types import Document, Section, Span

_MAX_SENTENCES_PER_DOCUMENT = 400
_LONGEST_ENCODED = 800


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
    similarity
        Cosine with the question; 0 where it was not encoded.
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
    similarity: float = 0.0

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
        long_forms |= phrases.abbreviations(section.text)
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


def with_similarity(
    asked: AskedFor,
    passages: list[Passage],
    encode: Callable[[Sequence[str]], np.ndarray],
    n_encoded: int,
) -> tuple[list[Passage], dict[int, np.ndarray]]:
    """Fill in the similarity of those passages that look most promising by their words.

    Returns the passages, and the vectors (float32 [dimension]) of the encoded ones by their place in the list.
    """
    promise = [
        passage.coverage + _PROMISE_OF_PART[passage.part] - 0.03 * min(passage.document, 10) for passage in passages
    ]
    chosen = sorted(np.argsort(-np.array(promise), kind="stable")[:n_encoded].tolist()) if passages else []
    texts = [asked.text, *(passages[place].expanded[:_LONGEST_ENCODED] for place in chosen)]
    vectors = encode([text.encode("utf-8", "replace").decode() for text in texts])
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    similarities = vectors[1:] @ vectors[0]
    filled = list(passages)
    for place, similarity in zip(chosen, similarities.tolist(), strict=True):
        filled[place] = replace(passages[place], similarity=similarity)
    return filled, dict(zip(chosen, vectors[1:], strict=True))


_PROMISE_OF_PART: dict[Part, float] = {
    "conclusion": 0.2, "findings": 0.1, "whole": 0.1, "title": 0.1, "background": 0.0, "methods": -0.1,
}  # fmt: skip


def level_weight(document: Document) -> float:
    """How much a document counts by its evidence level: 1 for the strongest, .5 for the weakest."""
    return 1.0 - 0.5 * LEVELS.index(evidence_level(document)) / (len(LEVELS) - 1)
