"""Checking what a generator cites: which words of which article support a statement, and how well."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ragqa.answer.chat.replies import Cited
from ragqa.answer.passages import Passage, passages_of
from ragqa.answer.question import AskedFor
from ragqa.answer.support import Article, conflict, support
from ragqa.corpus import words
from ragqa.corpus.text import abstract_sections, title_of
from ragqa.types import Document, ExactAnswer, Section, Span, Statement

_SHORTEST_QUOTE = 20
_LONGEST_QUOTE = 1000
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

    def __init__(self, asked: AskedFor, documents: Sequence[Document]) -> None:
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

        A title is no evidence. A sentence that conflicts with the statement is none either, and where it has more of
        the statement's words than any other, the article speaks against it.
        """
        article = self._article(number)
        best, against = Evidence(None, 0.0), 0.0
        for passage in self._abstract(number):
            value = support(statement, passage.text, passage.stems, article)
            opposed = conflict(statement, passage.expanded, article)
            if opposed is None and value > best.support:
                best = Evidence(passage.span, value)
            elif opposed in {"direction", "denial"}:
                against = max(against, value)
        if best.support <= against:
            return Evidence(None, 0.0)
        quote = self._quote(self._documents[number], statement)
        if quote is None or conflict(statement, quote.quote, article) is not None:
            return best
        stems = frozenset(words.content_stems(quote.quote))
        return Evidence(quote, max(support(statement, quote.quote, stems, article), best.support))

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
