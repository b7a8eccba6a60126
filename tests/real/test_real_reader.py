"""The extractive reader on real abstracts: PubMedQA's development half, with other real abstracts beside."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragqa.answer.extractive.reader import ExtractiveReader
from ragqa.answer.question import question_type
from ragqa.answer.reading import Reading
from ragqa.corpus.sentences import split_sentences
from ragqa.corpus.text import named_abstract_sections, section_text
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, Question, Section

N_QUESTIONS = 50
N_OTHERS = 9


@pytest.fixture(scope="module")
def records(real_data: Path) -> dict[str, dict[str, Any]]:
    return json.loads((real_data / "pubmedqa" / "ori_pqal.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def others(real_data: Path, records: dict[str, Any]) -> list[Document]:
    with gzip.open(real_data / "bulk" / "abstracts.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line, _ in zip(lines, range(3000), strict=False)]
    return [
        Document(record["_id"], (Section("title", record["title"]), Section("abstract", record["text"])))
        for record in found
        if record["_id"] not in records
    ]


def source_of(key: str, record: dict[str, Any]) -> Document:
    parts = [(text, label, "") for text, label in zip(record["CONTEXTS"], record["LABELS"], strict=True)]
    return Document(key, named_abstract_sections([*parts, (record["LONG_ANSWER"], "CONCLUSIONS", "")]))


def read(question: str, documents: list[Document]) -> Reading:
    reader = ExtractiveReader.open(AnswerSettings())
    return reader.read(Question(question), documents, [1.0] * len(documents))


def test_questions_are_answered_from_their_own_source(records: dict[str, Any], others: list[Document]) -> None:
    draw = random.Random(0)
    answered = first_from_source = 0
    for key in sorted(records)[:N_QUESTIONS]:
        documents = [*draw.sample(others, N_OTHERS), source_of(key, records[key])]
        reading = read(records[key]["QUESTION"], documents)
        by_id = {document.id: document for document in documents}
        for span in (span for statement in reading.statements for span in statement.spans):
            text = section_text(by_id[span.document_id], span.section)
            assert text is not None
            assert text[span.begin : span.end] == span.quote
        answered += not reading.abstained
        first_from_source += bool(reading.statements) and reading.statements[0].spans[0].document_id == key
    assert answered >= 0.85 * N_QUESTIONS
    assert first_from_source >= 0.98 * answered


def test_questions_without_their_source_are_not_answered(records: dict[str, Any], others: list[Document]) -> None:
    draw = random.Random(0)
    readings = [
        read(records[key]["QUESTION"], draw.sample(others, N_OTHERS + 1)) for key in sorted(records)[:N_QUESTIONS]
    ]
    assert sum(reading.abstained for reading in readings) >= 0.98 * N_QUESTIONS


def test_every_question_is_seen_to_ask_for_yes_or_no(records: dict[str, Any]) -> None:
    types = [question_type(record["QUESTION"]) for record in records.values()]
    assert types.count("yesno") >= 0.98 * len(types)


def test_most_bioasq_types_are_told_from_the_wording(real_data: Path) -> None:
    right = []
    for path in sorted((real_data / "bioasq" / "golden").glob("*.json")):
        questions = json.loads(path.read_text(encoding="utf-8"))["questions"]
        right += [question_type(question["body"]) == question["type"] for question in questions]
    assert np.mean(right) >= 0.83


def test_real_abstracts_are_split_without_losing_a_sign(others: list[Document]) -> None:
    n_sentences = 0
    for document in others[:1000]:
        text = document.sections[1].text
        spans = split_sentences(text)
        n_sentences += len(spans)
        assert "".join("".join(text[b:e] for b, e in spans).split()) == "".join(text.split())
    assert 5_000 < n_sentences < 15_000
