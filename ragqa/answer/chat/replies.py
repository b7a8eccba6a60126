"""What a generator must reply, as JSON schemas, and how a reply is read, whole or while it is still coming."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ragqa.corpus.sentences import split_sentences
from ragqa.types import QuestionType

_LONGEST_STATEMENT = 500
_LONGEST_ANSWER = 200
_MOST_CITATIONS = 3
_MOST_STATEMENTS: Mapping[str, int] = {"yesno": 4, "factoid": 3, "list": 4, "summary": 6}
_MOST_ANSWERS: Mapping[str, int] = {"factoid": 5, "list": 30}
_NUMBER = re.compile(r"\s*-?\d{1,9}\s*")
_NUMBERS = r"\d{1,3}(?:\s*(?:[,;–-]|and)\s*\d{1,3})*"
_CITED = re.compile(
    rf"\s*(?:\[(?:sources?\s*)?(?P<bracketed>{_NUMBERS})\]|\(sources?\s*(?P<named>{_NUMBERS})\)"
    r"|\((?P<last>\d{1,2}(?:\s*,\s*\d{1,2})*)\)(?=\W*\Z))(?!\w)",
    re.IGNORECASE,
)  # "(18-65)" is a range of ages; a bare "(3)" cites only at the end
_RANGE = re.compile(r"(\d+)\s*[–-]\s*(\d+)|(\d+)")
_LONGEST_RANGE = 30
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of pairs that UTF-8 cannot write; weak models produce both."""
_DECODER = json.JSONDecoder(strict=False)  # models write raw control characters into strings


@dataclass(frozen=True, slots=True)
class Cited:
    """A statement or an exact answer as the generator wrote it, with the source numbers that it claims."""

    text: str
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as read.

    Attributes
    ----------
    statements, answers
        What could be read of them.
    answerable
        False where the generator says that the question cannot be answered.
    readable
        False where nothing could be read.
    """

    statements: tuple[Cited, ...] = ()
    answers: tuple[Cited, ...] = ()
    answerable: bool = True
    readable: bool = True


def reply_schema(question_type: QuestionType, n_sources: int) -> dict[str, Any]:
    """The JSON schema of a reply; without sources nothing is cited."""
    properties: dict[str, Any] = {"answerable": {"type": "boolean"}}
    if question_type in _MOST_ANSWERS:
        properties["answers"] = _array(_cited(n_sources, _LONGEST_ANSWER), _MOST_ANSWERS[question_type])
    properties["statements"] = _array(_cited(n_sources, _LONGEST_STATEMENT), _MOST_STATEMENTS[question_type])
    return _object(properties)


def statement_schema(n_sources: int) -> dict[str, Any]:
    """The JSON schema of a reply that is a single statement."""
    return _object({"statements": _array(_cited(n_sources, _LONGEST_STATEMENT), 1)})


def _cited(n_sources: int, longest: int) -> dict[str, Any]:
    properties: dict[str, Any] = {"text": {"type": "string", "minLength": 1, "maxLength": longest}}
    if n_sources:
        number = {"type": "integer", "enum": list(range(1, n_sources + 1))}
        properties["sources"] = _array(number, min(_MOST_CITATIONS, n_sources))
    return _object(properties)


def _array(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def read_reply(text: str) -> Reply:
    """Read a reply: JSON, JSON that breaks off, or plain sentences with numbers in brackets.

    >>> read_reply('{"answerable": true, "statements": [{"text": "A.", "sources": [1]}, {"text": "B').statements
    (Cited(text='A.', numbers=(1,)),)
    >>> read_reply("Statins help [1, 3]. They are cheap.").statements
    (Cited(text='Statins help.', numbers=(1, 3)), Cited(text='They are cheap.', numbers=()))
    >>> read_reply("Adults (18-65) were helped [1-3].").statements
    (Cited(text='Adults (18-65) were helped.', numbers=(1, 2, 3)),)
    """
    begin = text.find("{")
    if begin < 0:
        statements = tuple(_plain_statements(text))
        return Reply(statements=statements, readable=bool(statements))
    body = text[begin:]
    statements, answers = tuple(items_of(body, "statements")), tuple(items_of(body, "answers"))
    refused = re.search(r'"answerable"\s*:\s*false', body) is not None
    return Reply(statements, answers, answerable=not refused, readable=bool(statements or answers or refused))


def items_of(text: str, key: str) -> Iterator[Cited]:
    """The complete items of the array ``key``, as far as the JSON text goes."""
    opening = re.search(rf'"{key}"\s*:\s*\[', text)
    place = opening.end() if opening else len(text)
    while place < len(text):
        if text[place] in ", \t\r\n":
            place += 1
            continue
        try:
            item, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):  # weak models also open one bracket after another
            return
        if (cited := _as_cited(item)) is not None:
            yield cited


class StatementStream:
    """The statements of a JSON reply while its text comes in."""

    def __init__(self) -> None:
        self._text = ""
        self._n_given = 0

    def feed(self, piece: str) -> list[Cited]:
        """The statements that this piece completes."""
        self._text += piece
        if "}" not in piece:
            return []
        statements = list(items_of(self._text, "statements"))
        fresh = statements[self._n_given :]
        self._n_given = len(statements)
        return fresh


def _as_cited(item: Any) -> Cited | None:
    if isinstance(item, str):
        item = {"text": item}
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        return None
    text = " ".join(_UNPRINTABLE.sub(" ", item["text"]).split())
    sources = item.get("sources", [])
    claimed = sources if isinstance(sources, list) else [sources]
    numbers = [int(n) for n in claimed if isinstance(n, int | str) and _NUMBER.fullmatch(str(n))]
    more = (
        [n for found in _CITED.finditer(text) for n in _cited_numbers(found[found.lastgroup or 0])]
        if not numbers
        else []
    )
    text = _CITED.sub("", text) if more else text
    return Cited(text, tuple(dict.fromkeys(numbers + more))) if text else None


def _cited_numbers(text: str) -> list[int]:
    """The numbers that are named: "1-3" names three sources; a range that runs backwards or too far only its ends."""
    numbers: list[int] = []
    for first, last, single in _RANGE.findall(text):
        ends = [int(single)] if single else [int(first), int(last)]
        numbers += range(ends[0], ends[-1] + 1) if 0 <= ends[-1] - ends[0] < _LONGEST_RANGE else ends
    return numbers


def _plain_statements(text: str) -> Iterator[Cited]:
    """Sentences with ``[1]`` or ``[1, 2]`` before or after their full stop."""
    for begin, end in split_sentences(text):
        cited = _as_cited(text[begin:end])
        if cited is not None and re.search(r"\w", cited.text):
            yield cited
