"""A query as PubMed takes it → a tree; where it is wrong, the error points at the place.

As in PubMed (https://pubmed.ncbi.nlm.nih.gov/help/), operators are in capitals and are worked off from left to right,
parentheses come first, words beside each other are joined by AND, and a tag belongs to all the words before it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ragqa.errors import UsageError
from ragqa.retrieve.fielded.tree import TAGS, Both, Either, Field, Node, Term, Without, Years

MOST_CHARACTERS = 4_000
"""Of a query."""
_MOST_TERMS = 200
_DEEPEST = 50
_TOKEN = re.compile(
    r'\s*(?:(?P<open>\()|(?P<close>\))|(?P<quoted>"[^"]*")|(?P<tag>\[[^\]\[]*\])'
    r"|(?P<operator>(?:AND|OR|NOT)(?=[\s()]|\Z))|(?P<word>[^\s()\"\[\]]+)|(?P<wrong>\S))"
)
_RANGE = re.compile(r"(?P<first>\d{4})(?:\s*:\s*(?P<last>\d{4}))?")
_JOINED: dict[str, Callable[[Node, Node], Node]] = {"AND": Both, "OR": Either, "NOT": Without}
_ALLOWED_TAGS = "[ti], [tiab], [au], [ta], [la], [mh], [pt], [dp], [pmid]"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    begin: int


def parse(query: str) -> Node:
    """The tree of a query.

    >>> parse("metformin[ti] NOT review[pt]")  # doctest: +NORMALIZE_WHITESPACE
    Without(one=Term(field='title', text='metformin', exact=False, begin=0),
            other=Term(field='type', text='review', exact=False, begin=18))

    Raises
    ------
    UsageError
        It is empty, too long, or not well formed: the message shows the place and says what is allowed there.
    """
    if not query.strip():
        raise UsageError("the query is empty; write for example: metformin[ti] AND 2015:2024[dp]")
    if len(query) > MOST_CHARACTERS:
        raise UsageError(f"the query has {len(query):,} characters; at most {MOST_CHARACTERS:,} are allowed")
    return _Parser(query).whole()


class _Parser:
    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = [_token(found) for found in _TOKEN.finditer(query)]
        self._place = 0
        self._depth = 0
        if wrong := next((token for token in self._tokens if token.kind == "wrong"), None):
            closing = {'"': 'the quotation mark is not closed; add another "', "[": "the tag is not closed; add ]"}
            raise self._error(
                wrong.begin, closing.get(wrong.text, f"{wrong.text} has nothing to belong to; leave it out")
            )
        if sum(token.kind in {"word", "quoted"} for token in self._tokens) > _MOST_TERMS:
            raise UsageError(f"the query has more than {_MOST_TERMS} words; ask for less at once")

    def whole(self) -> Node:
        node = self._sequence()
        if left := self._peek():
            raise self._error(left.begin, "this ) closes nothing; leave it out, or add ( before")
        return node

    def _sequence(self) -> Node:
        node = self._operand()
        while (token := self._peek()) and token.kind != "close":
            operator = "AND"
            if token.kind == "operator":
                operator = self._next().text
            other = self._operand()
            node = _JOINED[operator](node, other)
        return node

    def _operand(self) -> Node:
        token = self._peek()
        if token is None:
            raise self._error(len(self._query), 'something is missing here: a word, a "phrase" or a parenthesis')
        if token.kind == "open":
            return self._parenthesis()
        if token.kind in {"word", "quoted"}:
            return self._term()
        what = {
            "operator": f"{token.text} needs something before it and after it; to search for the word, quote it",
            "tag": f'the tag {token.text[:40]} stands behind a word or a "phrase", not here',
            "close": "something is missing before this )",
        }[token.kind]
        raise self._error(token.begin, what)

    def _parenthesis(self) -> Node:
        opened = self._next()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(opened.begin, f"parentheses may be {_DEEPEST} deep")
        node = self._sequence()
        if self._peek() is None:
            raise self._error(opened.begin, "this ( is not closed; add )")
        self._next()
        self._depth -= 1
        return node

    def _term(self) -> Node:
        """One quoted phrase, or a run of words; the tag behind it, if there is one."""
        tokens = [self._next()]
        while tokens[-1].kind == "word" and (token := self._peek()) and token.kind == "word":
            tokens.append(self._next())
        tag = self._next() if (token := self._peek()) and token.kind == "tag" else None
        text = self._query[tokens[0].begin : tokens[-1].begin + len(tokens[-1].text)]
        exact = tokens[0].kind == "quoted"
        text = " ".join(text.strip('"').split())
        if not text:
            raise self._error(tokens[0].begin, "there is nothing between the quotation marks")
        if "*" in text:
            raise self._error(
                tokens[0].begin + text.index("*"), "words cannot be cut with *; endings are found without it"
            )
        field: Field = self._field(tag) if tag else "text"
        if field == "year":
            return self._years(text, tokens[0].begin)
        if field == "id" and not re.fullmatch(r"\S+", text):
            raise self._error(tokens[0].begin, "[pmid] takes one id; join several by OR")
        return Term(field, text, exact, tokens[0].begin)

    def _field(self, tag: _Token) -> Field:
        name = tag.text[1:-1].split(":")[0].strip().casefold()
        if name not in TAGS:
            raise self._error(tag.begin, f"there is no tag {tag.text[:40]}; allowed are {_ALLOWED_TAGS}")
        return TAGS[name]

    def _years(self, text: str, begin: int) -> Years:
        found = _RANGE.fullmatch(text)
        if found is None:
            raise self._error(begin, f"{text[:40]} is no year; [dp] takes a year or two, for example 2015:2024[dp]")
        first, last = int(found["first"]), int(found["last"] or found["first"])
        if first > last:
            raise self._error(begin, f"no year lies between {first} and {last}; give the earlier year first")
        return Years(first, last)

    def _peek(self) -> _Token | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _next(self) -> _Token:
        self._place += 1
        return self._tokens[self._place - 1]

    def _error(self, begin: int, what: str) -> UsageError:
        return at(self._query, begin, what)


def at(query: str, begin: int, what: str) -> UsageError:
    """An error that shows the place in the query: a few words before it, and what follows a ▸."""
    before, after = query[max(0, begin - 30) : begin], query[begin : begin + 30]
    shown = f"{'…' if begin > 30 else ''}{before}▸{after}{'…' if begin + 30 < len(query) else ''}"
    return UsageError(f"the query is wrong at character {begin + 1}: {what} ({shown})")


def _token(found: re.Match[str]) -> _Token:
    kind = found.lastgroup or "wrong"
    return _Token(kind, found[kind], found.start(kind))
