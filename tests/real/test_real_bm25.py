"""Published and independently computed figures, reproduced on real collections."""

import json
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from ir_measures import nDCG

from ragqa.index.lucene import LuceneIndex, build_lucene
from ragqa.index.segments import Placed
from ragqa.recipe import Bm25Settings
from ragqa.types import Document, Section


def read_documents(folder: Path) -> list[Document]:
    documents = []
    for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        texts = (("title", record.get("title", "")), ("abstract", record["text"]))
        documents.append(Document(record["_id"], tuple(Section(name, text) for name, text in texts if text)))
    return documents


@pytest.mark.parametrize(
    ("collection", "expected", "tolerance"),
    [
        ("scifact", 0.6789, 0.0005),  # published: Anserini, BEIR flat index, k1 0.9, b 0.4
        ("bioasq-passages", 0.7760, 0.001),  # bm25s 0.2 on the same tokens, with exact document lengths
    ],
)
def test_ndcg_at_10(real_data: Path, tmp_path: Path, collection: str, expected: float, tolerance: float) -> None:
    folder = real_data / "beir" / collection
    documents = read_documents(folder)
    numbered = list(enumerate(documents))
    half = len(numbered) // 2
    build_lucene([[numbered[:half]], [numbered[half:]]], tmp_path, Bm25Settings())
    judgements = [line.split("\t") for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]]
    qrels = [ir_measures.Qrel(query, document, int(grade)) for query, document, grade in judgements]
    judged = {qrel.query_id for qrel in qrels}
    lines = [json.loads(line) for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    queries = {line["_id"]: line["text"] for line in lines if line["_id"] in judged}

    index = LuceneIndex.open([Placed(tmp_path, 0, np.zeros(len(documents), bool))], Bm25Settings(k1=0.9, b=0.4))
    rows, scores = index.search(list(queries.values()), k=100)
    index.close()

    run = [
        ir_measures.ScoredDoc(query, documents[row].id, float(score))
        for query, found, its_scores in zip(queries, rows, scores, strict=True)
        for row, score in zip(found, its_scores, strict=True)
        if row >= 0
    ]
    assert ir_measures.calc_aggregate([nDCG @ 10], qrels, run)[nDCG @ 10] == pytest.approx(expected, abs=tolerance)
