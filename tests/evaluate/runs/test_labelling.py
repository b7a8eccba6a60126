"""Labels of claims by whatever reader there is, the baselines, and whole runs of such a task."""

import json

import pytest

from ragqa.answer.reader import open_reader
from ragqa.errors import UsageError
from ragqa.evaluate.runs.labelling import (
    ChoiceLabeller,
    Labeller,
    OverlapLabeller,
    VerdictLabeller,
    baseline,
    labeller_of,
)
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
from ragqa.evaluate.runs.scored import read_scored
from ragqa.evaluate.runs.with_evidence import labelled
from ragqa.evaluate.tasks.evidence import CLAIM_LABELS, EFFECT_LABELS
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, Labelling, Proposition, ScoredSpan, Section, Span, TrialQuestion

DOCUMENT = Document(
    "1",
    (
        Section("title", "A trial of statins"),
        Section("abstract", "We gave statins to 90 patients. Statins did not prevent delirium. Pain was the same."),
    ),
)
CLAIM = Proposition("Statins prevent delirium.", CLAIM_LABELS)


class Answering:
    """A reader that only answers questions."""

    def __init__(self):
        self._reader = open_reader(AnswerSettings(abstain_below=0.0))

    def read(self, question, documents, scores):
        return self._reader.read(question, documents, scores)


@pytest.fixture(scope="module")
def reader():
    return Answering()


class SelfLabeller:
    """A reader that labels: a claim is supported when the word stands in the documents."""

    def read(self, question, documents, scores):
        raise AssertionError("a reader that labels is not asked questions")

    def label(self, proposition, documents):
        for document in documents:
            for section in document.sections:
                if (begin := section.text.find("prevent")) >= 0:
                    span = Span(document.id, section.name, begin, begin + 7, "prevent")
                    return Labelling({"supports": 0.9, "neither": 0.1}, (ScoredSpan(span, 1.0),))
        return Labelling({"supports": 0.2, "neither": 0.8})


class Choosing:
    def choose(self, question, options, documents=()):
        return {option: float("contradict this" in option) for option in options}


def test_a_reader_that_labels_is_taken_at_its_word_and_others_are_asked():
    reader = SelfLabeller()
    assert labeller_of(reader) is reader
    assert isinstance(labeller_of(Choosing()), ChoiceLabeller)
    assert labeller_of(Choosing()).label(CLAIM, [DOCUMENT]).probabilities["contradicts"] == 1.0


def test_a_reader_that_only_answers_labels_through_its_verdicts(reader):
    labeller = labeller_of(reader)
    assert isinstance(labeller, VerdictLabeller)
    assert isinstance(labeller, Labeller)
    found = labeller.label(CLAIM, [DOCUMENT])
    assert set(found.probabilities) == set(CLAIM_LABELS)
    assert sum(found.probabilities.values()) == pytest.approx(1)
    affirming = Document("2", (Section("abstract", DOCUMENT.sections[1].text.replace("did not prevent", "prevented")),))
    assert found.probabilities["contradicts"] > labeller.label(CLAIM, [affirming]).probabilities["contradicts"]
    text = DOCUMENT.sections[1].text
    assert all(text[e.span.begin : e.span.end] == e.span.quote for e in found.evidence if e.span.section == "abstract")
    assert labeller.label(CLAIM, []).probabilities["neither"] == 1.0


def test_a_question_on_a_trial_is_asked_both_ways(reader):
    trial = TrialQuestion("statins", "placebo", "delirium")
    found = labeller_of(reader).label(Proposition("What?", EFFECT_LABELS, trial), [DOCUMENT])
    assert list(found.probabilities) == list(EFFECT_LABELS)
    assert sum(found.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("claim", "label"),
    [
        ("Statins prevent delirium", "contradicts"),
        ("Statins did not prevent delirium", "supports"),
        ("Sleep needs melatonin", "neither"),
    ],
)
def test_word_overlap_sees_shared_words_and_denial(claim, label):
    found = OverlapLabeller().label(Proposition(claim, CLAIM_LABELS), [DOCUMENT])
    assert max(found.probabilities, key=found.probabilities.get) == label


@pytest.mark.parametrize(
    ("sentence", "label"),
    [
        ("Pain was significantly lower with aspirin.", "decreased"),
        ("Aspirin increased pain.", "increased"),
        ("There was no significant difference in pain with aspirin.", "no difference"),
    ],
)
def test_word_overlap_reads_the_direction_of_the_nearest_sentence(sentence, label):
    document = Document("1", (Section("abstract", f"We asked 90 patients. {sentence}"),))
    asked = Proposition("?", EFFECT_LABELS, TrialQuestion("aspirin", "placebo", "pain"))
    found = OverlapLabeller().label(asked, [document])
    assert max(found.probabilities, key=found.probabilities.get) == label
    assert [evidence.span.quote for evidence in found.evidence if evidence.chosen] == [sentence]


def test_what_becomes_of_a_label_without_its_evidence():
    line = labelled(SelfLabeller(), CLAIM, [DOCUMENT])
    assert (line.label, line.only_evidence["supports"], line.without_evidence["supports"]) == ("supports", 0.9, 0.2)


@pytest.fixture
def claims(tmp_path):
    rows = [
        {"id": 1, "claim": "Statins prevent delirium.", "cited_doc_ids": [1, 2],
         "evidence": {"1": [{"sentences": [1], "label": "CONTRADICT"}]}},
        {"id": 2, "claim": "Statins were given to patients.", "cited_doc_ids": [1],
         "evidence": {"1": [{"sentences": [0], "label": "SUPPORT"}]}},
        {"id": 3, "claim": "Sleep needs melatonin", "cited_doc_ids": [1], "evidence": {}},
    ]  # fmt: skip
    sentences = ["We gave statins to 90 patients.", "Statins did not prevent delirium.", "Pain was the same."]
    corpus = [
        {"doc_id": 1, "title": "Statins", "abstract": sentences},
        {"doc_id": 2, "title": "Sheep", "abstract": ["Sheep eat grass."]},
    ]
    for name, lines in (("claims_dev", rows), ("corpus", corpus)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    return tmp_path


def test_a_whole_run_by_word_overlap(claims, sample_home, tmp_path):
    (result,) = run(Request("scifact-claims", claims, baseline="word-overlap", out=tmp_path / "run"))
    labels = {line.id: line.labelled.label for line in read_lines(result.path)}
    assert labels == {"1/1": "contradicts", "1/2": "neither", "2/1": "supports", "3/1": "neither"}
    figures = read_scored(result.path).metrics.metrics
    assert figures["accuracy"] == figures["macro_f1"] == figures["sentence_label_f1"] == figures["token_f1"] == 1.0
    assert figures["comprehensiveness"] > figures["sufficiency"] == 0.0
    assert result.manifest.system == "word-overlap (baseline)"
    (again,) = run(Request("scifact-claims", claims, baseline="word-overlap", out=tmp_path / "run"))
    assert again.n_before == 4
    with pytest.raises(UsageError, match=r"inputs.baseline was .*word-overlap"):
        run(Request("scifact-claims", claims, baseline="majority", out=tmp_path / "run"))


def test_a_whole_run_by_the_shipped_reader(claims, sample_home, tmp_path):
    (result,) = run(Request("scifact-claims", claims, out=tmp_path / "run"))
    lines = list(read_lines(result.path))
    assert all(line.answer is None and not line.error for line in lines)
    assert all(sum(line.labelled.probabilities.values()) == pytest.approx(1, abs=1e-3) for line in lines)
    assert {"accuracy", "macro_f1", "brier", "abstract_rationalized_f1", "token_auprc"} <= set(result.metrics.metrics)
    assert result.metrics.counts["n_missing"] == 0


def test_the_majority_is_the_most_frequent_label(claims):
    (task,) = load_tasks("scifact-claims", claims)
    assert baseline("majority", task).label(CLAIM, []).probabilities == {
        "supports": 0.0, "contradicts": 0.0, "neither": 1.0,
    }  # fmt: skip
    with pytest.raises(UsageError, match="did you mean 'majority'"):
        baseline("majorty", task)
    (sample,) = load_tasks("sample")
    with pytest.raises(UsageError, match="'sample' does not ask for"):
        baseline("word-overlap", sample)


def test_open_claims_are_searched_for_and_each_abstract_is_labelled(claims, tmp_path):
    rows = [json.loads(line) for line in (claims / "corpus.jsonl").read_text().splitlines()]
    beir = [{"_id": str(row["doc_id"]), "title": row["title"], "text": " ".join(row["abstract"])} for row in rows]
    (claims / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in beir))
    (claims / "queries.jsonl").write_text("")
    request = Request("scifact-claims", claims, setting="open", recipe="bm25-anserini", baseline="word-overlap")
    (result,) = run(request)
    lines = {line.id: line for line in read_lines(result.path)}
    assert lines["1"].hits.document_ids[0] == "1"
    assert lines["1"].labelled.by_document["1"].label == lines["1"].labelled.label == "contradicts"
    assert lines["2"].labelled.label == "supports"
    assert lines["3"].labelled.label == "neither"
    figures = result.metrics.metrics
    assert figures["nDCG@10"] == figures["accuracy"] == figures["abstract_label_only_f1"] == 1.0
    assert "sentence_label_f1" not in figures
