"""Many searches against one, on questions of BioASQ with five gold documents or more, at the same number of hits."""

import json
from collections import defaultdict
from pathlib import Path

from ragqa.evaluate.compare.pairs import compare_runs
from ragqa.evaluate.runs.load import load_run
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run

N_DOCUMENTS = 20
BATCHES = ("10B1", "10B2")


def made(source: Path, folder: Path) -> Path:
    """BioASQ's questions of year 10 in the form of BrowseComp-Plus; their gold documents are the evidence."""
    judged: dict[str, list[str]] = defaultdict(list)
    for line in (source / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, _ = line.split("\t")
        judged[query].append(document)
    with (folder / "queries.jsonl").open("w", encoding="utf-8") as file:
        for line in (source / "queries.jsonl").open(encoding="utf-8"):
            row = json.loads(line)
            if len(judged[row["_id"]]) >= 5 and row["metadata"]["batch"] in BATCHES:
                evidence = [{"docid": document} for document in judged[row["_id"]]]
                asked = {"query_id": row["_id"], "query": row["text"], "answer": "not asked for here"}
                file.write(json.dumps({**asked, "evidence_docs": evidence}) + "\n")
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as file:
        for line in (source / "corpus.jsonl").open(encoding="utf-8"):
            row = json.loads(line)
            file.write(json.dumps({"docid": row["_id"], "text": f"{row['title']} {row['text']}".strip()}) + "\n")
    return folder


def test_many_searches_find_more_of_the_evidence_than_one_among_as_many_documents(
    real_data: Path, tmp_path: Path
) -> None:
    data = made(real_data / "beir" / "bioasq-passages", tmp_path)
    common = (f"answer.n_documents={N_DOCUMENTS}", "answer.abstain_below=0.0")
    single, many = (
        load_run(
            run(
                Request("browsecomp-plus", data, recipe="bm25-anserini", overrides=(*common, *own), out=tmp_path / name)
            )[0].path
        )
        for name, own in (("single", ()), ("many", ("answer.reader=iterative",)))
    )

    assert single.metrics.metrics["n_retrieved"] == many.metrics.metrics["n_retrieved"] == N_DOCUMENTS
    (pair,) = compare_runs([single, many], ["evidence_recall"]).pairs
    assert pair.comparison.better == "b"
    assert pair.comparison.p_value < 0.01
