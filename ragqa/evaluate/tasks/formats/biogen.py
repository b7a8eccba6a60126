"""TREC BioGen's files: sentences with citations (task A), topics and cited answers (task B)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragqa.errors import SourceError
from ragqa.evaluate.measures.grounding import MAX_CITATIONS, MAX_WORDS, SentenceCitations
from ragqa.evaluate.tasks.formats.read import read_json, read_json_lines, read_text, string
from ragqa.manifest import write_atomically

TEAM = "ragqa"
Cited = Sequence[tuple[str, Sequence[str]]]
"""Sentences, each with the articles that it cites."""


@dataclass(frozen=True, slots=True)
class GroundedAnswer:
    """An answer of task A: its question, and its sentences with the citations that the file tells of each."""

    id: str
    question: str
    sentences: tuple[tuple[str, SentenceCitations], ...]


def read_answers(path: Path) -> list[GroundedAnswer]:
    """The answers of a file of task A: the input, a submission, or gold in the form of a submission.

    Raises
    ------
    SourceError
        The file is missing or malformed, or has an answer twice.
    """
    answers: dict[str, GroundedAnswer] = {}
    for where, row in _rows(path):
        about = row.get("meta_data", row.get("metadata"))
        if not isinstance(about, dict):
            raise SourceError(f"{where}: 'metadata' must be an object with qa_id; give a file of BioGen's task A")
        answer_id = string(about, "qa_id", where)
        if answer_id in answers:
            raise SourceError(f"{where}: the answer {answer_id} is there twice; keep one of the two")
        rows = row.get("answer")
        if not isinstance(rows, list) or not rows or not all(isinstance(sentence, dict) for sentence in rows):
            raise SourceError(f"{where}: 'answer' must be a list of sentences; it is {str(rows)[:60]!r}")
        common = _articles(about, "existing_supported_citations", where)
        sentences = tuple(
            (
                string(sentence, "text", f"{where}, sentence {number}").strip(),
                SentenceCitations(
                    _articles(sentence, "supported_citations", f"{where}, sentence {number}"),
                    _articles(sentence, "contradicted_citations", f"{where}, sentence {number}"),
                    (*common, *_articles(sentence, "existing_supported_citations", f"{where}, sentence {number}")),
                ),
            )
            for number, sentence in enumerate(rows, start=1)
        )
        answers[answer_id] = GroundedAnswer(answer_id, str(about.get("question", "")), sentences)
    return list(answers.values())


def sentence_id(answer_id: str, number: int) -> str:
    """The id of a sentence; numbers begin with 1."""
    return f"{answer_id}/{number}"


def by_sentence(answers: Sequence[GroundedAnswer]) -> dict[str, SentenceCitations]:
    """Sentence id → its citations."""
    return {
        sentence_id(answer.id, number): citations
        for answer in answers
        for number, (_, citations) in enumerate(answer.sentences, start=1)
    }


def read_topics(path: Path) -> list[tuple[str, str]]:
    """Ids and questions of the topics of task B; raises :class:`SourceError` where the file is malformed."""
    topics: dict[str, str] = {}
    for where, row in _rows(path):
        key = next((key for key in ("topic_id", "qa_id", "id") if key in row), "topic_id")
        topic_id = string(row, key, where)
        if topic_id in topics:
            raise SourceError(f"{where}: the topic {topic_id} is there twice; keep one of the two")
        topics[topic_id] = " ".join(string(row, "question", where).split())
    return list(topics.items())


def write_grounded(path: Path, answers: Sequence[GroundedAnswer], run_id: str) -> int:
    """Write a submission of task A; returns how many citations beyond three were left out."""
    content, n_cut = grounded_lines(answers, run_id)
    write_atomically(path, content)
    return n_cut


def grounded_lines(answers: Sequence[GroundedAnswer], run_id: str) -> tuple[bytes, int]:
    """A submission of task A as its file's content, and how many citations beyond three were left out."""
    n_cut, lines = 0, []
    for answer in answers:
        existing = list(dict.fromkeys(article for _, found in answer.sentences for article in found.existing))
        sentences = []
        for text, found in answer.sentences:
            kinds = {kind: found.new(kind, found.existing) for kind in ("supporting", "contradicting")}
            n_cut += sum(max(len(cited) - MAX_CITATIONS, 0) for cited in kinds.values())
            sentences.append(
                {
                    "text": text,
                    "supported_citations": kinds["supporting"][:MAX_CITATIONS],
                    "contradicted_citations": kinds["contradicting"][:MAX_CITATIONS],
                }
            )
        about = {"team_id": TEAM, "run_id": run_id, "qa_id": answer.id, "question": answer.question}
        metadata: dict[str, object] = {**about, "existing_supported_citations": existing}
        lines.append({"metadata": metadata, "answer": sentences})
    return _encoded(lines), n_cut


def write_cited(path: Path, answers: Mapping[str, Cited], run_id: str) -> int:
    """Write a submission of task B; returns how many answers were cut at 250 words, after a whole sentence."""
    n_cut, lines = 0, []
    for topic_id, sentences in answers.items():
        kept, n_words = [], 0
        for text, cited in sentences:
            n_words += len(text.split())
            if n_words > MAX_WORDS:
                n_cut += 1
                break
            kept.append({"text": text, "citations": list(dict.fromkeys(cited))[:MAX_CITATIONS]})
        about = {"team_id": TEAM, "run_id": run_id, "topic_id": topic_id}
        lines.append({"metadata": about, "responses": kept})
    write_atomically(path, _encoded(lines))
    return n_cut


def _encoded(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a JSON list (also under "topics") or of JSON lines, each with where it stands."""
    start = read_text(path).lstrip()[:1]
    if path.suffix == ".jsonl" and start == "{":
        return [(f"{path}, line {number}", row) for number, row in read_json_lines(path)]
    content = read_json(path)
    if isinstance(content, dict):
        content = content.get("topics")
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise SourceError(f"{path}: a list of objects, or JSON lines (.jsonl), is expected; give BioGen's own file")
    return [(f"{path}, entry {number}", row) for number, row in enumerate(content, start=1)]


def _articles(row: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = row.get(key) or []
    if not isinstance(value, list) or not all(str(article).strip().isdigit() for article in value):
        raise SourceError(f"{where}: {key!r} must be a list of PMIDs; it is {str(value)[:60]!r}")
    return tuple(str(article).strip() for article in value)
