"""Checking what a generator cites: which words of which article support a statement, and how well.

Two things must hold. Words: a sentence of the article has enough of the statement's words, and no other number or name.
Meaning: the reader's model takes the article to say yes to the statement rather than no; where rules see an opposite
direction or a denial, it must be the surer of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragqa.answer.chat.replies import Cited
from ragqa.answer.extractive.relation import query_of, relate
from ragqa.answer.passages import Passage, passages_of
from ragqa.answer.question import AskedFor
from ragqa.answer.support import Article, conflict, support
from ragqa.corpus import words
from ragqa.corpus.text import abstract_sections, title_of
from ragqa.reader.model import ReaderModel
from ragqa.types import Document, ExactAnswer, Section, Span, Statement

_SHORTEST_QUOTE = 20
_LONGEST_QUOTE = 1000
_OPPOSITE = frozenset({"direction", "denial"})
_LIKELIER, _SURE = 0.5, 0.55
"""Least share of yes beside no; chosen on the claims of SciFact that were held back from training the model."""
_QUOTED = re.compile(r"[\"“”«]([^\"“”«»]{20,1000})[\"“”»]")


@dataclass(frozen=True, slots=True)
class Verified:
    """A statement with the spans that support it.

    Attributes
    ----------
    statement
        Its ``spans`` are empty where nothing cited supports it.
    out_of_range
        Source numbers that do not exist.
    unsupporting
        Ids of articles that were cited and do not support it.
    """

    statement: Statement
    out_of_range: tuple[int, ...] = ()
    unsupporting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The best words that one article has for a statement; ``span`` is None where it speaks against it."""

    span: Span | None
    support: float


class Library:
    """The articles that a generator was shown, by number, ready to be searched for support."""

    def __init__(self, asked: AskedFor, documents: Sequence[Document], model: ReaderModel) -> None:
        self._model = model
        self._documents = dict(enumerate(documents, start=1))
        self._articles: dict[int, Article] = {}
        self._passages: dict[int, list[Passage]] = {number: [] for number in self._documents}
        for passage in passages_of(asked, documents):
            self._passages[passage.document + 1].append(passage)

    def verify(self, cited: Cited, min_support: float) -> Verified:
        """The statement with the spans that support it by at least ``min_support``, best first."""
        known = [number for number in cited.numbers if number in self._documents]
        evidence: list[tuple[int, Evidence]] = []
        for number in known:
            found = self.evidence(number, cited.text)
            evidence.append((number, found))
        evidence.sort(key=lambda pair: -pair[1].support)
        kept = [(number, found) for number, found in evidence if found.support >= min_support]
        best = evidence[0][1].support if evidence else 0.0
        spans = tuple(found.span for _, found in kept if found.span is not None)
        supporting = {number for number, found in kept if found.span is not None}
        return Verified(
            Statement(cited.text, spans, round(best, 4)),
            tuple(number for number in cited.numbers if number not in self._documents),
            tuple(self._documents[number].id for number in known if number not in supporting),
        )

    def evidence(self, number: int, statement: str) -> Evidence:
        """An exact quote from the article where there is one, else its best sentence.

        A title is no evidence, and an article that speaks against the statement has none.
        """
        article, passages = self._article(number), self._abstract(number)
        quote = self._quote(self._documents[number], statement)
        if quote is not None and conflict(statement, quote.quote, article) is None:
            stems = frozenset(words.content_stems(quote.quote))
            value = support(statement, quote.quote, stems, article)
            if value == 1.0:  # the statement's own words: nothing is left to be judged
                return Evidence(quote, value)
        else:
            quote = None
        values = [support(statement, passage.text, passage.stems, article) for passage in passages]
        conflicts = [conflict(statement, passage.expanded, article) for passage in passages]
        usable = [place for place, opposed in enumerate(conflicts) if opposed in {None, *_OPPOSITE}]
        best = max((values[place] for place in usable), default=0.0)
        if not best:
            return Evidence(None, 0.0)
        of_all, of_sentences = self._read(statement, passages)
        nearest = max(usable, key=lambda place: values[place])
        if of_all < (_SURE if conflicts[nearest] in _OPPOSITE else _LIKELIER):
            return Evidence(None, 0.0)
        chosen = max(usable, key=lambda place: values[place] * of_sentences[place])
        return Evidence(quote or passages[chosen].span, best if quote else values[chosen])

    def _read(self, statement: str, passages: Sequence[Passage]) -> tuple[float, list[float]]:
        """How much the model takes an article, and each of its sentences, to say yes rather than no."""
        (read,) = relate(self._model, query_of(statement), [[passage.text for passage in passages]])
        of_sentences = read.of_sentences[:, 0] / np.maximum(read.of_sentences[:, :2].sum(axis=1), 1e-9)
        return float(read.of_all[0] / max(read.of_all[:2].sum(), 1e-9)), of_sentences.tolist()

    def _abstract(self, number: int) -> list[Passage]:
        return [passage for passage in self._passages[number] if passage.section.name != "title"]

    def _article(self, number: int) -> Article:
        if number not in self._articles:
            passages = self._passages[number]
            texts = [text for passage in passages for text in dict.fromkeys((passage.text, passage.expanded))]
            self._articles[number] = Article.of(title_of(self._documents[number]), texts)
        return self._articles[number]

    def exact_answer(self, cited: Cited, share: float) -> ExactAnswer:
        """An exact answer with the places where the articles that it cites name it.

        A place is the answer's own words, or a sentence that has all of them in another order. The score is
        ``share``, and half of it where there is no such place.
        """
        places = [self._place(number, cited.text) for number in cited.numbers if number in self._documents]
        spans = tuple(dict.fromkeys(span for span in places if span is not None))
        return ExactAnswer(cited.text, round(share if spans else share / 2, 4), (), spans)

    def n_out_of_range(self, cited: Cited) -> int:
        """How many of its source numbers do not exist."""
        return sum(number not in self._documents for number in cited.numbers)

    def _place(self, number: int, answer: str) -> Span | None:
        sections: Mapping[str, Section] = {p.section.name: p.section for p in self._abstract(number)}
        found = find(self._documents[number].id, sections.values(), answer)
        if found is not None:
            return found
        wanted = frozenset(words.content_stems(answer))
        holding = (p for p in self._abstract(number) if wanted and wanted <= p.stems)
        return next((passage.span for passage in holding), None)

    def _quote(self, document: Document, statement: str) -> Span | None:
        """The whole statement, or what it puts in quotation marks, found word for word in the article."""
        sections = abstract_sections(document)
        for text in (statement, *_QUOTED.findall(statement)):
            if _SHORTEST_QUOTE <= len(text) <= _LONGEST_QUOTE:
                span = find(document.id, sections, text)
                if span is not None:
                    return span
        return None


def find(document_id: str, sections: Iterable[Section], text: str) -> Span | None:
    """The first place where the words of ``text`` stand, whatever their case and the white space between them.

    Its last full stop may be missing there, and the spaces that fencing adds are overlooked.
    """
    parts = text.strip().rstrip(".").split()
    if not parts:
        return None
    pattern = r"\s+".join(re.escape(word) for word in parts)
    pattern = re.sub(r"(<|\\\[|\\#)\\s\+", r"\1\\s*", pattern).replace(r"\s+:", r"\s*:")
    expression = re.compile(rf"(?<!\w){pattern}(?!\w)", re.IGNORECASE)
    for section in sections:
        match = expression.search(section.text)
        if match:
            return Span(document_id, section.name, match.start(), match.end(), match.group())
    return None
