"""BrowseComp-Plus' queries: with their own documents, with corpus and judgements beside them, and what is wrong."""

import json
from pathlib import Path

import pytest

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.search_scores import gold_documents, wanted_answers


def doc(number: int) -> dict[str, str]:
    return {"docid": str(number), "text": f"Text {number}.", "url": f"https://example.org/{number}"}


def row(query_id: str, **changes: object) -> dict[str, object]:
    return {
        "query_id": query_id, "query": f"Who wrote {query_id}?", "answer": "Ada Lovelace",
        "gold_docs": [doc(1)], "evidence_docs": [doc(1), doc(2)], "negative_docs": [doc(3)],
    } | changes  # fmt: skip


def write(path: Path, *rows: object, end: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + end for one in rows), encoding="utf-8", newline="")
    return path


def test_the_queries_alone_bring_gold_evidence_and_a_corpus(tmp_path: Path) -> None:
    path = write(tmp_path / "decrypted.jsonl", row("q1"), row("q2", answer=["Ada", "A. Lovelace"]), end="\r\n")

    (task,) = load_tasks("browsecomp-plus", path)

    first, second = task.questions
    assert (first.id, first.text, first.type) == ("q1", "Who wrote q1?", "factoid")
    assert (list(first.relevant), gold_documents(first)) == (["1", "2"], ("1",))
    assert wanted_answers(second) == ("Ada", "A. Lovelace")
    assert task.corpus is not None
    assert (task.corpus.format, task.corpus.path) == ("browsecomp-plus", path)
    assert task.primary == "evidence_recall"


def test_files_of_the_repository_take_precedence_where_they_lie(tmp_path: Path) -> None:
    write(tmp_path / "data" / "browsecomp_plus_decrypted.jsonl", row("q1"), row("q2"))
    write(tmp_path / "corpus.jsonl", doc(1), doc(9))
    (tmp_path / "topics-qrels").mkdir()
    (tmp_path / "topics-qrels" / "qrel_evidence.txt").write_text("q1 0 9 1\nq1 0 1 1\nother 0 1 1\n")
    (tmp_path / "topics-qrels" / "qrel_golds.txt").write_text("q1 0 9 1\n")

    (task,) = load_tasks("browsecomp-plus", tmp_path)

    assert [(list(q.relevant), gold_documents(q)) for q in task.questions] == [(["9", "1"], ("9",)), ([], ())]
    assert task.counts == {"n_questions": 2, "n_without_evidence": 1, "n_judged_elsewhere": 1}
    assert task.corpus is not None
    assert task.corpus.path == tmp_path / "corpus.jsonl"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\r\n\r\n", "has no question"),
        (b'{"query_id": "1", "que', "line 1: not JSON, or cut off"),
        (b"[1]\n", "line 1: Expected `object`"),
        (b'{"query_id": "1", "query": "\xff"}\n', "line 1: not JSON"),
        (b'{"query": "Who?"}\n', "line 1: 'query_id' must be a non-empty text; it is missing"),
        (b'{"query_id": "1", "query": " "}\n', "line 1: 'query' must be a non-empty text"),
        (b'{"query_id": "1", "query": "Who?", "answer": ""}\n', "line 1: 'answer' must be a non-empty text"),
        (b'{"query_id": "1", "query": "Who?", "answer": "x", "evidence_docs": {}}\n', "line 1: Expected `array"),
        (
            b'{"query_id": "1", "query": "Who?", "answer": "x", "evidence_docs": [{}]}\n',
            "evidence_docs 1: 'docid' must",
        ),
        (b'{"query_id": "1", "query": "Who?", "answer": "x"}\n', "no query has evidence_docs"),
        (
            b'{"query_id": "1", "query": "d0cPn+rqV881b9Xw+vVksLZfneQ665Qo", "answer": "x"}\n',
            "line 1: .*still encrypted",
        ),
    ],
)
def test_files_that_do_not_fit_are_refused_with_the_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "q.jsonl").write_bytes(content)
    with pytest.raises(SourceError, match=message):
        load_tasks("browsecomp-plus", tmp_path / "q.jsonl")


def test_a_query_that_is_there_twice_names_both_lines(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="line 3: the query q1 is in line 1 already"):
        load_tasks("browsecomp-plus", write(tmp_path / "q.jsonl", row("q1"), row("q2"), row("q1")))


def test_judgements_of_other_queries_or_of_documents_that_are_not_there_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "queries.jsonl", row("q1"))
    (tmp_path / "qrel_evidence.txt").write_text("q1 0 1 1\nq1 0 77 1\n")
    with pytest.raises(SourceError, match=r"1 documents that qrel_evidence.txt judges .* \(77\); put the corpus"):
        load_tasks("browsecomp-plus", tmp_path)
    (tmp_path / "qrel_evidence.txt").write_text("other 0 1 1\n")
    with pytest.raises(SourceError, match=r"judges none of the 1 queries \(q1\), but other"):
        load_tasks("browsecomp-plus", tmp_path)


def test_wrong_use_of_the_task(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", row("q1"))
    with pytest.raises(UsageError, match="neither splits nor settings"):
        load_tasks("browsecomp-plus", path, split="dev")
    with pytest.raises(SourceError, match="there is nothing at"):
        load_tasks("browsecomp-plus", tmp_path / "no.jsonl")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"holds no file browsecomp_plus_decrypted\.jsonl or"):
        load_tasks("browsecomp-plus", tmp_path / "empty")
