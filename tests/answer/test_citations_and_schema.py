"""The check of quotes, and the published schema of the answer contract."""

import dataclasses
import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from ragqa.answer import schema
from ragqa.answer.citations import check_quotes
from ragqa.types import Answer, Document, ExactAnswer, Question, Section, Span, Statement

DOCUMENT = Document("1", (Section("title", "On statins"), Section("abstract", "Statins work. So they say.")))
RIGHT = Span("1", "abstract", 0, 13, "Statins work.")


def answer_with(*spans: Span) -> Answer:
    exact = ExactAnswer("Statins", 0.5, spans=(Span("1", "title", 3, 10, "statins"),))
    return Answer(Question("?"), statements=(Statement("x", spans, 1.0),), exact_answers=(exact,))


def test_right_quotes_pass() -> None:
    assert check_quotes(answer_with(RIGHT), {"1": DOCUMENT}.__getitem__) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"quote": "Statins work"}, "the text there is"),
        ({"begin": 1}, "the text there is"),
        ({"end": 99}, "the section has 26 characters"),
        ({"begin": -13}, "the section has"),
        ({"begin": 5, "end": 5, "quote": ""}, "the section has"),
        ({"section": "abstract.0"}, "no such section"),
        ({"document_id": "2"}, "no such document"),
    ],
)
def test_each_kind_of_wrong_quote_is_found(change: dict[str, object], problem: str) -> None:
    wrong = dataclasses.replace(RIGHT, **change)  # type: ignore[arg-type]
    (line,) = check_quotes(answer_with(RIGHT, wrong), {"1": DOCUMENT}.__getitem__)
    assert problem in line


def test_the_published_schema_is_current() -> None:
    published = Path(__file__).parents[2] / "services" / "answer.schema.json"
    assert published.read_bytes() == schema.dump(), "run: python -m ragqa.answer.schema > services/answer.schema.json"


def test_answers_fit_the_schema() -> None:
    answer = json.loads(msgspec.json.encode(answer_with(RIGHT)))
    jsonschema.validate(answer, json.loads(schema.dump()))
    del answer["question"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(answer, json.loads(schema.dump()))
