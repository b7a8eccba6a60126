"""References looked up in the corpus: is there such an article, and is it the one that is described?

An entry is not taken apart by rules of style, of which there are thousands: articles are looked for by its PMID, its
DOI and its words, and the title of each is laid beside the words of the entry.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragqa.check.text.references import Entry
from ragqa.check.types import Status
from ragqa.corpus.marks import partly_retracted, under_concern
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import title_of
from ragqa.corpus.words import content_stems, tokens
from ragqa.types import Document

Search = Callable[[Sequence[str]], list[list[Document]]]
_SAME = 0.6
"""Share of a title's words that an entry has, in their order, from which it describes that article, perhaps wrongly."""
_SHORTEST_TITLE = 3  # words
_FEWEST_STEMS = 4
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


@dataclass(frozen=True, slots=True)
class Resolved:
    """An entry's article and state; see :class:`ragqa.check.types.CheckedReference`."""

    status: Status
    document: Document | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Laid:
    """A title laid beside an entry: the share of its words that stand there, and the words that stand for others."""

    share: float
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Compared:
    """An article beside an entry: its title laid there, and what of title, first author and year is otherwise."""

    document: Document
    laid: Laid
    problems: tuple[str, ...]


def resolve(entry: Entry, store: DocumentStore, search: Search) -> Resolved:
    """Look an entry up by its PMID, its DOI, and its words.

    Parameters
    ----------
    search
        Finds articles by their words, best first; asked with the words of the entry.
    """
    named = [("PMID", entry.pmid, _by_id(store, entry.pmid)), ("DOI", entry.doi, _by_doi(store, entry.doi))]
    named = [one for one in named if one[1]]
    is_bare = len(set(content_stems(entry.described))) < _FEWEST_STEMS
    if is_bare:
        return _bare(named)
    candidates = [document for _, _, document in named if document] + search([entry.described])[0]
    compared = [_compared(entry, document) for document in candidates]
    best = max(compared, key=lambda one: (round(one.laid.share, 1), -len(one.problems)), default=None)
    if best is None or best.laid.share < _SAME:
        wrong = next(((kind, value, document) for kind, value, document in named if document), None)
        if wrong is None:
            return Resolved("missing", None, tuple(f"the corpus has no {kind} {value}" for kind, value, _ in named))
        kind, value, document = wrong
        told = (
            f"{kind} {value} is another article{', which was retracted' * document.retracted}: “{title_of(document)}”"
        )
        return Resolved("mismatch", document, (told,))
    return _judged(best.document, [*_wrong_ids(named, best.document), *best.problems])


def lay(title: str, text: str) -> Laid:
    """Lay a title, or its part before the colon, beside the words of a text.

    >>> lay("Statins in stroke: a randomised trial.", "1. Poli A. Statins in stroke. BMJ 2003").share
    1.0
    >>> lay("Statins in acute stroke.", "Poli A. Statins in chronic stroke. BMJ 2003").others
    ('chronic for acute',)
    """
    words, main, told = _words(title), _words(title.partition(":")[0]), _words(text)
    whole = _laid(words, told)
    if whole.share < 1 and _SHORTEST_TITLE <= len(main) < len(words):
        first = _laid(main, told)
        # A subtitle of which a word is told was not left out.
        if first.share * len(main) >= whole.share * len(words):
            return first
    return whole


def _laid(title: list[str], text: list[str]) -> Laid:
    if not title:
        return Laid(0.0, ())
    matcher = difflib.SequenceMatcher(None, title, text, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    if not blocks:
        return Laid(0.0, ())
    # Words far from the longest run stand elsewhere in the entry: in the journal's name, say.
    longest = max(blocks, key=lambda block: block.size)
    offset = longest.b - longest.a
    near = [block for block in blocks if abs(block.b - block.a - offset) <= 2]
    matched = sum(block.size for block in near)
    others = []
    for before, after in pairwise(near):
        gap, instead = title[before.a + before.size : after.a], text[before.b + before.size : after.b]
        if gap or instead:
            others.append(f"{' '.join(instead) or 'nothing'} for {' '.join(gap) or 'nothing'}")
    first, last = near[0], near[-1]
    if first.a:
        others.append(
            f"{' '.join(text[max(0, first.b - first.a) : first.b]) or 'nothing'} for {' '.join(title[: first.a])}"
        )
    if rest := title[last.a + last.size :]:
        instead = text[last.b + last.size : last.b + last.size + len(rest)]
        others.append(f"{' '.join(instead) or 'nothing'} for {' '.join(rest)}")
    return Laid(matched / len(title), tuple(others))


def _bare(named: Sequence[tuple[str, str, Document | None]]) -> Resolved:
    """An entry, or a mark in the text, that names an article by its PMID or DOI alone."""
    found = next((document for _, _, document in named if document), None)
    if found is not None:
        return _judged(found, _wrong_ids(named, found))
    if named:
        return Resolved("missing", None, tuple(f"the corpus has no {kind} {value}" for kind, value, _ in named))
    return Resolved("unknown", None, ("no title, PMID or DOI is told",))


def _judged(found: Document, problems: Sequence[str]) -> Resolved:
    """The article with its state; what became of it is told beside what does not match, too."""
    if found.retracted:
        return Resolved("retracted", found, tuple(problems))
    became = ("a part of it has been retracted",) if partly_retracted(found) else ()
    if not problems:
        return Resolved("concern" if under_concern(found) else "found", found, became)
    if under_concern(found):
        became = ("an expression of concern about it has been published", *became)
    return Resolved("mismatch", found, (*problems, *became))


def _wrong_ids(named: Sequence[tuple[str, str, Document | None]], found: Document) -> list[str]:
    problems = []
    for kind, value, document in named:
        if document is None:
            problems.append(f"the corpus has no {kind} {value}; this article is {found.id}")
        elif document.id != found.id:
            problems.append(f"{kind} {value} is another article: “{title_of(document)}”; this one is {found.id}")
    return problems


def _compared(entry: Entry, document: Document) -> _Compared:
    problems, laid = [], lay(title_of(document), entry.described)
    if laid.others:
        problems.append(f"its title is “{title_of(document)}” ({'; '.join(laid.others)})")
    told = " ".join(_words(entry.described))
    if document.authors and not any(_stands(name, told) for name in _surnames(document.authors[0])):
        problems.append(f"its first author is {document.authors[0]}")
    years = [int(year) for year in _YEAR.findall(entry.described)]
    if years and document.year and document.year not in years:
        problems.append(f"it is from {document.year}, not {years[0]}")
    return _Compared(document, laid, tuple(problems))


def _stands(name: str, told: str) -> bool:
    words = " ".join(_words(name))
    return bool(words) and f" {words} " in f" {told} "


def _surnames(author: str) -> list[str]:
    """What of an author's name may be the surname: MEDLINE's "Smith JA", "Smith, John A", or "John A. Smith"."""
    if "," in author:
        return [author.partition(",")[0]]
    parts = [part for part in author.split() if len(part.strip(".")) > 1 and not part.isupper()]
    return parts[-1:] or author.split()[-1:]


def _by_id(store: DocumentStore, pmid: str) -> Document | None:
    bare = pmid.lstrip("0")
    return store.get(bare) if bare and int(store.find([bare])[0]) >= 0 else None


def _by_doi(store: DocumentStore, doi: str) -> Document | None:
    return store.with_doi(doi) if doi else None


def _words(text: str) -> list[str]:
    """Words in lower case without accents, which reference lists lose."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return tokens("".join(sign for sign in bare if not unicodedata.combining(sign)))
