"""BioGen's files in and out, and a run from the sentences to the submission."""

import json

import pytest

from ragqa import products
from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.measures.grounding import SentenceCitations, score_grounding, score_limits
from ragqa.evaluate.measures.measure import figures
from ragqa.evaluate.runs.export import export_run
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
from ragqa.evaluate.tasks.formats.biogen import by_sentence, read_answers, write_cited
from ragqa.evaluate.tasks.registry import load_tasks

GOLD = [
    {
        "meta_data": {"qa_id": "116", "question": "What prevents delirium?"},
        "answer": [
            {"text": "Statins prevent delirium.", "existing_supported_citations": [9],
             "supported_citations": [2], "contradicted_citations": ["1"]},
            {"text": "Sleep needs melatonin.", "existing_supported_citations": None},
        ],
    }
]  # fmt: skip
ARTICLES = {
    "1": "We gave statins to 90 patients. Statins did not prevent delirium.",
    "2": "In old age statins prevent delirium.",
    "9": "Here, too, statins prevent delirium.",
    "4": "Sheep eat grass.",
}


@pytest.fixture
def answers(tmp_path):
    path = tmp_path / "biogen2025_taskA.json"
    path.write_text(json.dumps(GOLD))
    return path


def test_a_run_from_sentences_to_a_submission(answers, tmp_path):
    rows = [{"_id": key, "title": "", "text": text} for key, text in ARTICLES.items()]
    (tmp_path / "articles.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    products.import_corpus("articles", tmp_path / "articles.jsonl", "jsonl")
    request = Request("biogen", answers, corpus="articles", recipe="bm25-anserini", baseline="word-overlap")
    (result,) = run(request)
    found = result.metrics.metrics
    assert all(found[f"{kind}_citations_f1"] == 1.0 for kind in ("supporting", "contradicting"))
    assert result.metrics.counts["grounding.n_citations_existing"] == 1
    exported = export_run(result.path, "biogen")
    (line,) = [json.loads(text) for text in exported.path.read_text().splitlines()]
    assert (line["metadata"]["qa_id"], line["metadata"]["question"]) == ("116", "What prevents delirium?")
    assert line["metadata"]["existing_supported_citations"] == ["9"]
    assert line["answer"][0] == {
        "text": "Statins prevent delirium.", "supported_citations": ["2"], "contradicted_citations": ["1"],
    }  # fmt: skip
    again = by_sentence(read_answers(exported.path))
    assert again["116/1"].supporting == ("2",)
    (task,) = load_tasks("biogen", exported.path)
    assert [question.id for question in task.questions] == ["116/1", "116/2"]
    with pytest.raises(UsageError, match="is no BioASQ submission"):
        export_run(result.path, "bioasq")


def test_a_run_of_topics_to_a_submission(tmp_path):
    rows = [{"_id": key, "title": "", "text": text} for key, text in ARTICLES.items()]
    (tmp_path / "articles.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    products.import_corpus("articles", tmp_path / "articles.jsonl", "jsonl")
    topics = tmp_path / "topics.json"
    topics.write_text(json.dumps({"topics": [{"id": 7, "question": "Do statins prevent delirium?"}]}))
    request = Request("biogen", topics, setting="B", corpus="articles", recipe="bm25-anserini",
                      overrides=("answer.abstain_below=0.0",))  # fmt: skip
    (result,) = run(request)
    assert result.metrics.metrics["within_limits"] == result.metrics.metrics["statements_cited"] == 1.0
    (line,) = [json.loads(text) for text in export_run(result.path, "biogen").path.read_text().splitlines()]
    (answered,) = read_lines(result.path)
    assert line["metadata"]["topic_id"] == "7"
    assert [one["text"] for one in line["responses"]] == [one.text for one in answered.answer.statements]
    assert all(set(one["citations"]) <= set(ARTICLES) for one in line["responses"])


def test_only_three_new_citations_count_and_each_once():
    gold = {"a/1": SentenceCitations(("1", "2"), (), ("9",)), "a/2": SentenceCitations((), ("5",))}
    given = {"a/1": SentenceCitations(("9", "1", "1", "7", "8", "2"))}
    scores = score_grounding(gold, given)
    found = figures(scores)
    assert found["supporting_citations_precision"] == pytest.approx(1 / 3), "2 comes fourth"
    assert found["supporting_citations_recall"] == 0.5
    assert found["contradicting_citations_f1"] == 0.0
    assert scores.counts == {
        "n_questions": 2, "n_sentences_missing": 1, "n_citations_cut": 1, "n_citations_existing": 1,
    }  # fmt: skip
    with pytest.raises(UsageError, match="no gold citations"):
        score_grounding({"a/1": SentenceCitations(existing=("9",))}, given)


def test_limits_of_an_answer(tmp_path):
    long = [("word " * 130, ["1"]), ("word " * 130, ["2"])]
    many = [("One.", ["1", "2", "3", "4"])]
    scores = score_limits({"a": long, "b": many, "c": None, "d": [("Fine.", ["1", "1"])]})
    assert figures(scores) == {"within_limits": 0.25}
    assert (scores.counts["n_too_long"], scores.counts["n_too_many_citations"]) == (1, 1)
    assert write_cited(tmp_path / "b.jsonl", {"a": long, "b": many}, "r") == 1
    lines = [json.loads(text) for text in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert [len(line["responses"]) for line in lines] == [1, 1]
    assert lines[1]["responses"][0]["citations"] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("[{", "not JSON, or is cut off"),
        ("{}", "a list of objects, or JSON lines"),
        ("[]", "has no question"),
        ('[{"answer": []}]', "entry 1: 'metadata' must be an object with qa_id"),
        ('[{"metadata": {"qa_id": "1"}, "answer": []}]', "'answer' must be a list of sentences"),
        ('[{"metadata": {"qa_id": "1"}, "answer": [{"text": " "}]}]', "sentence 1: 'text' must be a non-empty text"),
        ('[{"metadata": {"qa_id": "1"}, "answer": [{"text": "A.", "supported_citations": ["x"]}]}]', "list of PMIDs"),
        (json.dumps(GOLD + GOLD), "entry 2: the answer 116 is there twice"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(SourceError, match=message):
        load_tasks("biogen", tmp_path / "a.json")


def test_wrong_use_of_the_task(answers):
    with pytest.raises(UsageError, match="has no splits"):
        load_tasks("biogen", answers, split="dev")
    with pytest.raises(UsageError, match="no setting 'C'"):
        load_tasks("biogen", answers, setting="C")
