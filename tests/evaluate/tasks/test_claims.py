"""Files of claims in their official forms, and what is told when they are not as they should be."""

import csv
import json

import pytest

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.tasks.evidence import Place, joined_sentences, touched
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.task import gold_labels


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_table(path, rows, **options):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), **options)
        writer.writeheader()
        writer.writerows(rows)


CORPUS = [
    {"doc_id": 11, "title": "Statins", "abstract": ["Statins were given.", "Delirium fell.", "Pain rose."]},
    {"doc_id": 12, "title": "Sleep", "abstract": ["Sleep was watched."]},
]
CLAIMS = [
    {
        "id": 1,
        "claim": "Statins prevent delirium.",
        "evidence": {"11": [{"sentences": [0, 1], "label": "SUPPORT"}, {"sentences": [2], "label": "SUPPORT"}]},
        "cited_doc_ids": [11, 12],
    },
    {"id": 2, "claim": "Sleep harms.", "evidence": {}, "cited_doc_ids": [12]},
]


@pytest.fixture
def scifact(tmp_path):
    write_lines(tmp_path / "corpus.jsonl", CORPUS)
    write_lines(tmp_path / "claims_dev.jsonl", CLAIMS)
    return tmp_path


class TestSciFact:
    def test_a_question_for_each_claim_and_cited_abstract(self, scifact):
        (task,) = load_tasks("scifact-claims", scifact)
        assert gold_labels(task) == {"1/11": "supports", "1/12": "neither", "2/12": "neither"}
        first = task.questions[0]
        text = first.documents[0].sections[1].text
        assert text == "Statins were given. Delirium fell. Pain rose."
        proofs = first.evidence[0].rationales
        assert [[text[p.begin : p.end] for p in proof] for proof in proofs] == [
            ["Statins were given.", "Delirium fell."],
            ["Pain rose."],
        ]
        assert (task.split, task.setting, task.counts["n_claims"]) == ("dev", "abstract", 2)

    def test_the_table_says_the_same_as_the_lines(self, scifact):
        (lines,) = load_tasks("scifact-claims", scifact / "claims_dev.jsonl")
        empty = {"evidence_doc_id": "", "evidence_label": "", "evidence_sentences": "[]"}
        rows = [
            {"id": 1, "claim": CLAIMS[0]["claim"], "evidence_doc_id": 11, "evidence_label": "SUPPORT",
             "evidence_sentences": sentences, "cited_doc_ids": "[11 12]"}
            for sentences in ("[0 1]", "[2]")
        ]  # fmt: skip
        rows.append({"id": 2, "claim": CLAIMS[1]["claim"], **empty, "cited_doc_ids": "[12]"})
        for line_end in ("\n", "\r\n"):
            write_table(scifact / "claims_dev.csv", rows, lineterminator=line_end)
            (table,) = load_tasks("scifact-claims", scifact / "claims_dev.csv")
            assert table.questions == lines.questions

    def test_sentences_alone(self, scifact):
        (task,) = load_tasks("scifact-claims", scifact, setting="sentences")
        (question,) = task.questions
        assert question.documents[0].sections[0].text == "Statins were given. Delirium fell. Pain rose."
        write_lines(scifact / "corpus.jsonl", [{"_id": "11", "title": "", "text": "Whole."}, {"_id": "12", "text": ""}])
        with pytest.raises(SourceError, match="does not divide abstracts"):
            load_tasks("scifact-claims", scifact, setting="sentences")
        (task,) = load_tasks("scifact-claims", scifact)
        assert "rationale" not in task.scorers
        assert any("by the abstract only" in note for note in task.notes)

    @pytest.mark.parametrize(
        ("corpus", "claims", "message"),
        [
            (CORPUS[1:], CLAIMS, r"1 documents with evidence are not in .*\(11\)"),
            ([CORPUS[0], CORPUS[0]], CLAIMS, "line 2: the document 11 is there twice"),
            (CORPUS, [CLAIMS[0], CLAIMS[0]], "1 claims are there twice"),
            (CORPUS, CLAIMS[1:], "none of the 1 claims has evidence"),
            (CORPUS, [{**CLAIMS[0], "evidence": {"11": [{"sentences": [7], "label": "SUPPORT"}]}}], "names sentence 7"),
            (CORPUS, [{**CLAIMS[0], "evidence": {"11": [{"sentences": [1], "label": "SUPORT"}]}}], "mean 'SUPPORT'"),
            (CORPUS, [{**CLAIMS[0], "evidence": []}], "line 1: 'evidence' must be an object"),
            (CORPUS, [{**CLAIMS[0], "claim": ""}], "line 1: 'claim' must be a non-empty text"),
            ([{"doc_id": 11, "abstract": "one text"}], CLAIMS, "'abstract' must be a list of sentences"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, scifact, corpus, claims, message):
        write_lines(scifact / "corpus.jsonl", corpus)
        write_lines(scifact / "claims_dev.jsonl", claims)
        with pytest.raises(SourceError, match=message):
            load_tasks("scifact-claims", scifact)

    def test_without_a_corpus_it_says_where_to_put_one(self, scifact):
        (scifact / "corpus.jsonl").unlink()
        with pytest.raises(SourceError, match=r"no corpus.jsonl beside"):
            load_tasks("scifact-claims", scifact)

    def test_splits_and_settings(self, scifact):
        with pytest.raises(UsageError, match="no split 'train'"):
            load_tasks("scifact-claims", scifact, split="train")
        with pytest.raises(UsageError, match="did you mean 'abstract'"):
            load_tasks("scifact-claims", scifact, setting="abstracts")
        with pytest.raises(UsageError, match="holds the split 'dev', not 'train'"):
            load_tasks("scifact-claims", scifact / "claims_dev.jsonl", split="train")
        with pytest.raises(SourceError, match="there is nothing at"):
            load_tasks("scifact-claims", scifact / "missing")


HEALTHVER = {"id": "5", "evidence": "Masks, worn well,\nhelp.", "claim": "Masks help", "label": "Supports"}


class TestHealthVer:
    def test_quoted_line_ends_and_other_line_ends(self, tmp_path):
        for line_end in ("\n", "\r\n"):
            write_table(tmp_path / "healthver_dev.csv", [HEALTHVER], lineterminator=line_end)
            (task,) = load_tasks("healthver", tmp_path)
            assert gold_labels(task) == {"5": "supports"}
            assert task.questions[0].documents[0].sections[0].text == "Masks, worn well,\nhelp."

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "is empty"),
            (b"id,claim\n1,x\n", "the column 'evidence' is missing"),
            (b'{"claim": 1}\n', "the column 'id' is missing"),
            (b'id,evidence,claim,label\n1,"cut off', "line 2: .*cut off or damaged"),
            (b"id,evidence,claim,label\n1,x\n", "2 values where the head has 4 columns"),
            (b"id,evidence,claim,label\n1,x,y,Maybe\n", "line 2: the label is 'Maybe'"),
            (b"id,evidence,claim,label\n1,x,y,Neutral\n1,x,y,Neutral\n", "1 question ids occur more than once"),
            (b"id,evidence,claim,label\n", "has no question"),
            ("id,evidence,claim,label\n1,x,é,Neutral\n".encode("latin-1"), "not UTF-8"),
            (b"\x1f\x8b\x08binary", "not UTF-8"),
        ],
    )
    def test_what_is_no_such_table_is_refused(self, tmp_path, content, message):
        (tmp_path / "healthver_dev.csv").write_bytes(content)
        with pytest.raises(SourceError, match=message):
            load_tasks("healthver", tmp_path)


STATEMENT = {
    "Type": "Comparison", "Section_id": "Results", "Primary_id": "NCT1", "Secondary_id": "NCT2",
    "Statement": "More died.", "Label": "Entailment", "Primary_evidence_index": [1], "Secondary_evidence_index": [0],
}  # fmt: skip
TRIALS = [
    {"Clinical Trial ID": "NCT1", "Results": ["Outcome:", "  2 died"]},
    {"Clinical Trial ID": "NCT2", "Results": ["1 died"]},
]


@pytest.fixture
def nli4ct(tmp_path):
    (tmp_path / "dev.json").write_text(json.dumps({"s1": STATEMENT}))
    write_lines(tmp_path / "trials.jsonl", TRIALS)
    return tmp_path


class TestNli4ct:
    def test_a_comparison_has_both_trials_and_one_proof_of_both(self, nli4ct):
        (task,) = load_tasks("nli4ct", nli4ct)
        (question,) = task.questions
        assert [document.sections[0].text for document in question.documents] == ["Outcome:\n  2 died", "1 died"]
        assert question.evidence[0].rationales == ((Place("NCT1", "abstract", 9, 17), Place("NCT2", "abstract", 0, 6)),)
        assert (question.label, task.labels) == ("supports", ("supports", "contradicts"))
        (marked,) = load_tasks("nli4ct", nli4ct, setting="evidence")
        assert [document.sections[0].text for document in marked.questions[0].documents] == ["  2 died", "1 died"]

    def test_the_official_folder_of_trials(self, nli4ct):
        (packed,) = load_tasks("nli4ct", nli4ct)
        (nli4ct / "trials.jsonl").unlink()
        (nli4ct / "CT json").mkdir()
        for trial in TRIALS:
            (nli4ct / "CT json" / f"{trial['Clinical Trial ID']}.json").write_text(json.dumps(trial))
        (official,) = load_tasks("nli4ct", nli4ct)
        assert official.questions == packed.questions

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"Primary_id": "NCT9"}, "the trial NCT9 is not among the 2 trials"),
            ({"Primary_evidence_index": [5]}, "there is no line 5; the section has the lines 0 to 1"),
            ({"Label": "Entails"}, "the label is 'Entails'"),
            ({"Section_id": "Outcome"}, "the section is 'Outcome'"),
            ({"Statement": None}, "'Statement' must be a non-empty text"),
            ({"Primary_evidence_index": "1"}, "must be a list of line numbers"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, nli4ct, change, message):
        (nli4ct / "dev.json").write_text(json.dumps({"s1": STATEMENT | change}))
        with pytest.raises(SourceError, match=message):
            load_tasks("nli4ct", nli4ct)

    def test_missing_and_damaged_trials(self, nli4ct):
        (nli4ct / "trials.jsonl").unlink()
        with pytest.raises(SourceError, match="holds no trials"):
            load_tasks("nli4ct", nli4ct)
        (nli4ct / "trials.jsonl.gz").write_bytes(b"\x1f\x8b\x08 cut")
        with pytest.raises(SourceError, match="no gzip file of JSON lines, or is cut off"):
            load_tasks("nli4ct", nli4ct)


class TestCovidFact:
    def test_evidence_is_one_text_and_the_line_is_the_id(self, tmp_path):
        row = {"claim": "Masks help", "label": "REFUTED", "evidence": ["One.", "", "Two."], "gold_source": "x"}
        write_lines(tmp_path / "COVIDFACT_dataset.jsonl", [row])
        (task,) = load_tasks("covid-fact", tmp_path)
        assert load_tasks("covid-fact", tmp_path / "COVIDFACT_dataset.jsonl")[0].questions == task.questions
        assert gold_labels(task) == {"1": "contradicts"}
        assert task.questions[0].documents[0].sections[0].text == "One. Two."

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"label": "TRUE"}, "line 1: the label is 'TRUE'"),
            ({"evidence": "text"}, "'evidence' must be a list"),
            ({"evidence": [" "]}, "has no sentence"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, tmp_path, change, message):
        write_lines(tmp_path / "c.jsonl", [{"claim": "x", "label": "SUPPORTED", "evidence": ["y"]} | change])
        with pytest.raises(SourceError, match=message):
            load_tasks("covid-fact", tmp_path / "c.jsonl")


def test_a_mark_touches_the_sentences_that_it_covers_more_than_half():
    section, places = joined_sentences("d", ["Alpha beta.", "Gamma delta."])
    whole = Place("d", section.name, 0, len(section.text))
    assert touched(places, [whole]) == [0, 1]
    assert touched(places, [Place("d", section.name, 8, 24), Place("d", section.name, 0, 11)]) == [1, 0]
    assert touched(places, [Place("other", section.name, 0, 24)]) == []
