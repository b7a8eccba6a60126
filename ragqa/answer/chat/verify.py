"""Checking what a generator cites: which words of which article support a statement, and how well."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ragqa.answer import terms
from ragqa.answer.chat.replies import Cited
from ragqa.answer.passages import Passage, passages_of
from ragqa.answer.question import AskedFor
from ragqa.corpus.text import title_of
from ragqa.types import Document, ExactAnswer, Section, Span, Statement

_TITLE_WEIGHT = 0.25
_LOST_NUMBER = 0.5
_LOST_NEGATION = 0.6
_SHORTEST_QUOTE = 20
_LONGEST_QUOTE = 1000
_QUOTED = re.compile(r"[\"“”«]([^\"“”«»]{20,1000})[\"“”»]")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,·]\d+)*")
_NEGATION = re.compile(
    r"\b(?:no|not|nor|neither|never|without|none|cannot|fail(?:s|ed|ure)?|lack(?:s|ed|ing)?|absen(?:t|ce)|unlikely"
    r"|insufficient|ineffective)\b|n['’]t\b|\bnon-",
    re.IGNORECASE,
)


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
    """The best words that one article has for a statement."""

    span: Span
    support: float


class Library:
    """The articles that a generator was shown, by number, ready to be searched for support."""

    def __init__(self, asked: AskedFor, documents: Sequence[Document]) -> None:
        self._documents = dict(enumerate(documents, start=1))
        self._passages: dict[int, list[Passage]] = {number: [] for number in self._documents}
        for passage in passages_of(asked, documents):
            self._passages[passage.document + 1].append(passage)

    def verify(self, cited: Cited, min_support: float) -> Verified:
        """The statement with the spans that support it by at least ``min_support``, best first."""
        known = [number for number in cited.numbers if number in self._documents]
        evidence: list[tuple[int, Evidence]] = []
        for number in known:
            found = self.evidence(number, cited.text)
            if found is not None:
                evidence.append((number, found))
        evidence.sort(key=lambda pair: -pair[1].support)
        kept = [(number, found) for number, found in evidence if found.support >= min_support]
        best = evidence[0][1].support if evidence else 0.0
        spans = tuple(found.span for _, found in kept)
        supporting = {number for number, _ in kept}
        return Verified(
            Statement(cited.text, spans, round(best, 4)),
            tuple(number for number in cited.numbers if number not in self._documents),
            tuple(self._documents[number].id for number in known if number not in supporting),
        )

    def evidence(self, number: int, statement: str) -> Evidence | None:
        """An exact quote from the article where there is one, else its best sentence; None without any text."""
        document = self._documents[number]
        best: Evidence | None = None
        title = frozenset(terms.content_stems(title_of(document)))
        for passage in self._passages[number]:
            value = support(statement, passage.text, passage.stems, title)
            if best is None or value > best.support:
                best = Evidence(passage.span, value)
        quote = self._quote(document, statement)
        if quote is None:
            return best
        stems = frozenset(terms.content_stems(quote.quote))
        return Evidence(quote, max(support(statement, quote.quote, stems, title), best.support if best else 0.0))

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
        sections: Mapping[str, Section] = {p.section.name: p.section for p in self._passages[number]}
        words = find(self._documents[number].id, sections.values(), answer)
        if words is not None:
            return words
        wanted = frozenset(terms.content_stems(answer))
        holding = (p for p in self._passages[number] if wanted and wanted <= p.stems)
        return next((passage.span for passage in holding), None)

    def _quote(self, document: Document, statement: str) -> Span | None:
        """The whole statement, or what it puts in quotation marks, found word for word in the article."""
        sections = [section for section in document.sections if not section.name.startswith("other_abstract")]
        for text in (statement, *_QUOTED.findall(statement)):
            if _SHORTEST_QUOTE <= len(text) <= _LONGEST_QUOTE:
                span = find(document.id, sections, text)
                if span is not None:
                    return span
        return None


def support(statement: str, sentence: str, sentence_stems: frozenset[str], title_stems: frozenset[str]) -> float:
    """How well a sentence supports a statement, by its words: 0 to 1.

    The weighted share of the statement's content words that the sentence has; the article's title may lend a
    quarter of it (a sentence seldom repeats what the article is about). It is halved where the statement has a
    number that the sentence lacks, and lowered where one of the two is negated and the other is not. Words are
    no proof of entailment: a low figure tells more than a high one.
    """
    wanted = terms.content_stems(statement)
    value = (1 - _TITLE_WEIGHT) * terms.coverage(wanted, sentence_stems)
    value += _TITLE_WEIGHT * terms.coverage(wanted, sentence_stems | title_stems)
    if not _numbers(statement) <= _numbers(sentence):
        value *= _LOST_NUMBER
    if bool(_NEGATION.search(statement)) != bool(_NEGATION.search(sentence)):
        value *= _LOST_NEGATION
    return value


def find(document_id: str, sections: Iterable[Section], text: str) -> Span | None:
    """The first place where the words of ``text`` stand, whatever their case and the white space between them.

    Its last full stop may be missing there, and the spaces that fencing adds after "<" are overlooked.
    """
    words = text.strip().rstrip(".").split()
    if not words:
        return None
    pattern = r"\s+".join(re.escape(word) for word in words).replace(r"<\s+", r"<\s*")
    expression = re.compile(rf"(?<!\w){pattern}(?!\w)", re.IGNORECASE)
    for section in sections:
        match = expression.search(section.text)
        if match:
            return Span(document_id, section.name, match.start(), match.end(), match.group())
    return None


def _numbers(text: str) -> set[str]:
    return {number.replace(",", "").replace("·", ".") for number in _NUMBER.findall(text)}
