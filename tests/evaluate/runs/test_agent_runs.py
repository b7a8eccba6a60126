"""Searching in many steps, all the way: run here, exported, imported, and what agents' files get wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.compare.pairs import common_measures, compare_runs
from ragqa.evaluate.measures.short_answers import is_exact_match
from ragqa.evaluate.report.model import sections_of
from ragqa.evaluate.report.page import write_report
from ragqa.evaluate.report.questions import questions_of
from ragqa.evaluate.runs.agent_runs import agent_runs_of, lines_of_agent
from ragqa.evaluate.runs.export import export_run
from ragqa.evaluate.runs.imported import import_run
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.load import load_run
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
from ragqa.evaluate.tasks.outcomes import Outcomes, SearchOutcome
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.search_scores import confidence_in, short_answer
from ragqa.evaluate.tasks.task import as_question
from ragqa.types import Answer, ExactAnswer, SearchStep, Span, Statement

DRUGS = {
    "statin": "liver", "metformin": "kidney", "aspirin": "stomach", "warfarin": "spleen", "insulin": "muscle",
    "digoxin": "heart",
}  # fmt: skip


@pytest.fixture
def chains(tmp_path: Path) -> Path:
    """Six questions whose second evidence document has its telling word in common with the first one only."""
    rows = []
    for number, (drug, organ) in enumerate(DRUGS.items()):
        texts = [f"In the {organ}, {drug} binds lockase{number}.", f"QRX{number} encodes lockase{number}."]
        others = [f"Remark {place} on the {organ} as a target." for place in range(6)]
        rows.append(
            {
                "query_id": str(number + 1),
                "query": f"Which gene encodes the target of {drug} in the {organ}?",
                "answer": f"QRX{number}",
                "evidence_docs": [
                    {"docid": str(10 * number + place), "text": text} for place, text in enumerate(texts)
                ],
                "gold_docs": [{"docid": str(10 * number + 1), "text": texts[1]}],
                "negative_docs": [
                    {"docid": str(100 + 10 * number + place), "text": text} for place, text in enumerate(others)
                ],
            }
        )
    path = tmp_path / "chains.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path


def asked(chains: Path, **changes: Any) -> Request:
    return Request("browsecomp-plus", data=chains, recipe="bm25-anserini", **changes)


SINGLE = ("answer.n_documents=4", "answer.abstain_below=0.0")
MANY = (*SINGLE, "answer.reader=iterative", "answer.iterative.n_searches=4", "answer.iterative.n_hits=1")


def test_many_searches_find_what_one_does_not_and_are_kept_compared_reported_exported_and_imported(
    chains: Path, tmp_path: Path
) -> None:
    single = run(asked(chains, overrides=SINGLE, out=tmp_path / "single"))[0]
    many = run(asked(chains, overrides=MANY, out=tmp_path / "many"))[0]

    assert (single.metrics.metrics["n_searches"], many.metrics.metrics["n_searches"]) == (1, 4)
    assert single.metrics.metrics["n_retrieved"] == many.metrics.metrics["n_retrieved"] == 4
    assert many.metrics.metrics["evidence_recall"] > single.metrics.metrics["evidence_recall"]
    assert many.metrics.metrics["gold_recall"] > single.metrics.metrics["gold_recall"]
    for line in read_lines(many.path):
        assert line.searched is not None
        assert line.searched.steps[0].query == line.question
        assert line.searched.retrieved == line.hits.document_ids
        assert set(line.searched.cited) <= set(line.hits.document_ids)

    loaded = [load_run(one.path) for one in (single, many)]
    (pair,) = compare_runs(loaded, n_resamples=200).pairs
    assert (pair.comparison.measure, pair.comparison.better) == ("evidence_recall", "b")
    page, _ = write_report([single.path, many.path], tmp_path / "page")
    assert "n_searches" in page.read_text()

    (section,) = sections_of([single.path, many.path])
    once, often = questions_of(section)[0].attempts
    assert (len(once.searches), len(often.searches)) == (0, 4)
    assert {hit.address for search in often.searches for hit in search.hits} == {""}, "these numbers are no PMIDs"

    exported = export_run(many.path, "browsecomp-plus", tmp_path / "files")
    assert len(list(exported.path.glob("run_*.json"))) == len(DRUGS)
    foreign = import_run(exported.path, asked(chains), label="again")
    loaded = [load_run(many.path), load_run(foreign.path)]
    names = common_measures(loaded)
    assert {"n_searches", "evidence_recall", "gold_recall", "citation_precision", "exact_match", "R@5"} <= set(names)
    for one in compare_runs(loaded, names, n_resamples=200).pairs:
        assert (one.comparison.wins, one.comparison.losses) == (0, 0), one.comparison.measure


def test_other_files_of_runs_are_not_mixed_with_an_export(chains: Path, tmp_path: Path) -> None:
    single = run(asked(chains, overrides=SINGLE, limit=1))[0]
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "run_20250809T1.json").write_text("{}")
    with pytest.raises(UsageError, match=r"files of another run \(run_20250809T1.json\)"):
        export_run(single.path, "browsecomp-plus", tmp_path / "files")


def agent(query_id: str, response: str = "", **changes: Any) -> dict[str, Any]:
    call = {
        "type": "tool_call", "tool_name": "local_knowledge_base_retrieval",
        "arguments": '{"user_query": "statin enzyme"}', "output": '[\n{"docid": "1", "score": 2}, {"docid": "0"}]',
    }  # fmt: skip
    return {
        "query_id": query_id,
        "tool_call_counts": {"search": 2, "get_document": 5},
        "status": "completed",
        "retrieved_docids": ["0", "1", "100"],
        "result": [call, {"type": "output_text", "output": response}],
    } | changes


def write(folder: Path, *rows: Any) -> Path:
    folder.mkdir()
    for number, row in enumerate(rows):
        (folder / f"run_{number}.json").write_text(row if isinstance(row, str) else json.dumps(row))
    return folder


def test_an_agents_files_are_read_as_the_official_program_reads_them(chains: Path, tmp_path: Path) -> None:
    response = "Explanation: it is so [1], as 【0, 100】 say.\n**Exact Answer:** QRX0\nConfidence: 85%"
    cut_off = agent("2", "Exact Answer: QRX1", status="incomplete")
    bare = agent("3", "I think QRX2.", result=[{"type": "output_text", "output": "I think QRX2."}])
    folder = write(tmp_path / "theirs", agent("1", response), cut_off, bare)

    result = import_run(folder, asked(chains), label="theirs")

    figures, lines = result.metrics.metrics, {line.id: line for line in read_lines(result.path)}
    assert figures["exact_match"] == pytest.approx(1 / 6)
    assert figures["evidence_recall"] == pytest.approx((1 + 0 + 0) / 6)
    assert figures["n_searches"] == 2
    assert figures["citation_precision_cited"] == pytest.approx(2 / 3)
    assert figures["citation_recall"] == pytest.approx(1 / 6)
    assert lines["1"].searched is not None
    assert (lines["1"].searched.retrieved, lines["1"].searched.cited) == (["1", "0", "100"], ["1", "0", "100"])
    assert lines["1"].searched.steps[0].query == "statin enzyme"
    assert lines["1"].answer is not None
    assert (lines["1"].answer.exact_answers[0].text, lines["1"].answer.exact_answers[0].score) == ("QRX0", 0.85)
    assert lines["2"].answer is None
    notes = " ".join(result.metrics.notes)
    assert "1 questions were not completed" in notes
    assert "1 questions state no exact answer" in notes
    assert "1 questions state no confidence" in notes
    assert "tell their documents as a set only" in notes
    assert "3 questions are missing from the imported file" in notes


def test_documents_are_found_in_json_that_stands_quoted_in_json_and_in_files_of_json_lines(
    chains: Path, tmp_path: Path
) -> None:
    quoted = json.dumps([{"text": json.dumps([{"docid": "1"}, {"docid": 0}])}])
    call = {"type": "tool_call", "tool_name": "search", "arguments": {"query": "statin"}, "output": quoted}
    (tmp_path / "runs.jsonl").write_text(json.dumps(agent("1", result=[call], retrieved_docids=["0", "1"])) + "\r\n")

    (line, *_) = read_lines(import_run(tmp_path / "runs.jsonl", asked(chains)).path)

    assert line.searched is not None
    assert line.searched.steps[0].document_ids == ("1", "0")


@pytest.mark.parametrize("exact", [(ExactAnswer("QRX0", 0.137),), ()])
def test_an_answer_is_as_sure_and_cites_the_same_after_export_and_import(chains: Path, exact: Any) -> None:
    (task,) = load_tasks("browsecomp-plus", chains)
    question = as_question(task.questions[0])
    statement = Statement("It is so [see 7].", (Span("0", "abstract", 0, 2, "In"),), 0.731)
    answer = Answer(question, text=statement.text, statements=(statement,), exact_answers=exact)
    searched = SearchOutcome(1, ["0", "1"], ["0"], [SearchStep("q", ("0", "1"))])
    outcomes = Outcomes(answers={question.id: answer}, searches={question.id: searched})

    lines, _ = lines_of_agent({one.query_id: one for one in agent_runs_of(task, outcomes)}, task)

    again = lines[question.id]
    assert again.searched is not None
    assert again.searched.cited == ["0"]
    assert again.answer is not None
    assert confidence_in(again.answer) == pytest.approx(confidence_in(answer))
    assert is_exact_match(short_answer(again.answer), [short_answer(answer)])


def test_ids_that_are_not_of_the_corpus_are_told(chains: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "theirs", agent("1", "x", retrieved_docids=["doc-a"], result=[]), agent("none"))
    notes = " ".join(import_run(folder, asked(chains)).metrics.notes)
    assert "are the run's document ids those of the corpus?" in notes
    assert "1 questions of the imported file are not in the task" in notes


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("", "run_0.json is empty"),
        ('{"query_id": "1", "sta', "run_0.json is not JSON, or is cut off"),
        ("[]", "a JSON object is expected"),
        ({**agent("1"), "query_id": None}, "'query_id' must be a non-empty text"),
        (agent("1", status=3), "'status' must be a text"),
        (agent("1", result="x"), "'result' must be a list of objects"),
        (agent("1", retrieved_docids={"0": 1}), "'retrieved_docids' must be a list of document ids"),
        (agent("1", retrieved_docids=[None]), "'retrieved_docids' must be a list of document ids"),
        (agent("1", tool_call_counts={"search": -1}), "'tool_call_counts' must be an object"),
        (agent("none"), "has none of the 6 questions"),
    ],
)
def test_files_that_do_not_fit_are_refused_and_nothing_is_left(
    chains: Path, tmp_path: Path, row: Any, message: str
) -> None:
    with pytest.raises((SourceError, UsageError), match=message):
        import_run(write(tmp_path / "theirs", row), asked(chains, out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_two_files_on_one_query_and_a_folder_without_files_are_refused(chains: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"run_1.json: the query 1 is in .*run_0.json too"):
        import_run(write(tmp_path / "twice", agent("1"), agent("1")), asked(chains))
    with pytest.raises(SourceError, match=r"holds no file run_\*\.json"):
        import_run(write(tmp_path / "none"), asked(chains))


def test_figures_on_what_the_inner_reader_was_trained_on_say_so(sample_home: Path, tmp_path: Path) -> None:
    row = {"QUESTION": "Does it?", "CONTEXTS": ["It does."], "LABELS": ["RESULTS"], "LONG_ANSWER": "It does."}
    (tmp_path / "p.json").write_text(json.dumps({str(n): {**row, "final_decision": "yes"} for n in range(12)}))
    request = Request("pubmedqa", tmp_path / "p.json", index="sample", limit=1, overrides=("answer.reader=iterative",))
    assert any("NOT a held-out result" in note for note in run(request)[0].metrics.notes)


def test_a_task_that_searches_once_keeps_its_searches_with_the_reader_that_searches_often(
    small_beir: Path, sample_home: Path, tmp_path: Path
) -> None:
    result = run(
        Request("sample", index="sample", limit=3, out=tmp_path / "many", overrides=("answer.reader=iterative",))
    )[0]
    lines = list(read_lines(result.path))
    assert all(line.searched is not None and line.searched.n_searches >= 1 for line in lines)
    assert all(line.answer is not None and not line.answer.searches for line in lines)
