"""The dense index and the sentence reranker on real abstracts: claims of SciFact find the abstracts that judge them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragqa.index.dense import DenseIndex
from ragqa.recipe import DenseSettings
from ragqa.retrieve.rerank_sentence import SentenceReranker
from ragqa.types import Document, Section

N_CLAIMS = 40


@pytest.fixture(scope="module")
def claims(real_data: Path) -> dict[str, set[str]]:
    """The first claims with the ids of their abstracts."""
    folder = real_data / "beir" / "scifact"
    judged: dict[str, set[str]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            judged.setdefault(query, set()).add(document)
    texts = {entry["_id"]: entry["text"] for entry in _lines(folder / "queries.jsonl")}
    return {texts[query]: documents for query, documents in list(judged.items())[:N_CLAIMS]}


@pytest.fixture(scope="module")
def documents(real_data: Path, claims: dict[str, set[str]]) -> list[Document]:
    """Their abstracts, and as many others."""
    wanted = set().union(*claims.values())
    entries = _lines(real_data / "beir" / "scifact" / "corpus.jsonl")
    chosen = [entry for entry in entries if entry["_id"] in wanted]
    chosen += [entry for entry in entries if entry["_id"] not in wanted][: len(chosen)]
    return [
        Document(entry["_id"], (Section("title", entry["title"]), Section("abstract", entry["text"])))
        for entry in chosen
    ]


def test_claims_find_their_abstracts_and_reranking_keeps_them(
    claims: dict[str, set[str]],
    documents: list[Document],
    tmp_path: Path,
    dense_index_of: Callable[..., DenseIndex],
) -> None:
    index = dense_index_of(tmp_path, [list(enumerate(documents))], DenseSettings())
    description = json.loads((tmp_path / "segment" / "dense.json").read_text())
    assert description["n_documents"] == len(documents)
    assert description["n_long"] > 0
    encoder = json.loads((tmp_path / "encoder" / "encoder.json").read_text())
    assert encoder["passage"]["agreement"]["int8"] >= 0.98
    ranked = index.search(list(claims), 5)
    assert _hit_rate(ranked.rows, claims, documents) >= 0.9
    heads = [[documents[row] for row in rows] for rows in ranked.rows]
    scores = SentenceReranker(index).rerank(list(claims), heads)
    blended = [
        rows[np.argsort(-_scaled(a) - _scaled(b))]
        for rows, a, b in zip(ranked.rows, ranked.scores, scores, strict=True)
    ]
    first = _hit_rate(np.array(blended)[:, :1], claims, documents)
    assert first >= _hit_rate(ranked.rows[:, :1], claims, documents)


def _hit_rate(rows: np.ndarray, claims: dict[str, set[str]], documents: list[Document]) -> float:
    found = [wanted & {documents[row].id for row in its} for its, wanted in zip(rows, claims.values(), strict=True)]
    return float(np.mean([bool(hits) for hits in found]))


def _scaled(scores: np.ndarray) -> np.ndarray:
    result: np.ndarray = (scores - scores.min()) / max(float(np.ptp(scores)), 1e-9)
    return result


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
