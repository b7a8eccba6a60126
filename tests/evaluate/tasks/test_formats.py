"""Files for other people's programs: what is written is read back, and scores there what it scores here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.measures.bioasq.documents import score_documents
from ragqa.evaluate.measures.bioasq.question import URL, BioasqQuestion, BioasqSnippet
from ragqa.evaluate.measures.choices import parse_choice
from ragqa.evaluate.measures.measure import figures
from ragqa.evaluate.measures.retrieval import evaluate_run
from ragqa.evaluate.tasks.formats.bioasq import bioasq_snippet, read_bioasq, write_submission
from ragqa.evaluate.tasks.formats.predictions import read_mirage, read_pubmedqa, write_mirage, write_pubmedqa
from ragqa.evaluate.tasks.formats.trec import read_qrels, read_run, write_run
from ragqa.types import Document, Section, Span

HITS = st.lists(st.sampled_from([1.0, 0.5, 0.5 + 1e-9, 0.0, -2.0]), min_size=1, max_size=6)


class TestTrec:
    @settings(max_examples=50, deadline=None)
    @given(scores=HITS)
    def test_the_order_survives_ties_and_single_precision(self, scores, tmp_path_factory):
        path = tmp_path_factory.mktemp("run") / "run.trec"
        hits = [(f"d{i}", score) for i, score in enumerate(scores)]
        relevant = {hits[-1][0]: 1}

        write_run(path, {"q": hits})

        exported = figures(evaluate_run({"q": relevant}, read_run(path), ["RR"]))
        assert exported == {"RR": 1 / len(hits)}

    def test_distinct_scores_are_written_as_they_are(self, tmp_path):
        assert write_run(tmp_path / "run", {"q": [("a", 0.1), ("b", 0.05)]}, tag="bm25") == 0
        assert (tmp_path / "run").read_text() == "q Q0 a 1 0.1 bm25\nq Q0 b 2 0.05 bm25\n"

    def test_ir_measures_own_command_gives_the_same_figure(self, tmp_path):
        qrels = {"q1": {"d1": 1}, "q2": {"d1": 1, "d2": 2}}
        run = {"q1": [("d3", 0.5), ("d1", 0.5)], "q2": [("d2", 2.0), ("d3", 1.0)]}
        (tmp_path / "qrels").write_text("q1 0 d1 1\nq2 0 d1 1\nq2 0 d2 2\n")
        write_run(tmp_path / "run", run)

        command = [Path(sys.executable).parent / "ir_measures", tmp_path / "qrels", tmp_path / "run", "nDCG@10"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

        ours = figures(evaluate_run(qrels, {q: [d for d, _ in hits] for q, hits in run.items()}, ["nDCG@10"]))
        assert printed.split() == ["nDCG@10", f"{ours['nDCG@10']:.4f}"]

    def test_qrels_of_trec_and_beir(self, tmp_path):
        (tmp_path / "trec").write_text("q1 0 d1 2\nq1 0 d2 -1\n")
        (tmp_path / "beir").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td 2\t0\n")
        assert read_qrels(tmp_path / "trec") == {"q1": {"d1": 2, "d2": -1}}
        assert read_qrels(tmp_path / "beir") == {"q1": {"d1": 2, "d 2": 0}}

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("q Q0 d 1 0.5\n", "5 columns"),
            ("q Q0 d 1 high x\n", "'high' is not a finite number"),
            ("q Q0 d 1 nan x\n", "not a finite number"),
            ("q Q0 d 1 1 x\nq Q0 d 2 0 x\n", "line 2: query 'q' names the document 'd' again"),
            ("", "is empty"),
        ],
    )
    def test_malformed_runs_name_the_line(self, tmp_path, content, message):
        (tmp_path / "run").write_text(content)
        with pytest.raises(SourceError, match=message):
            read_run(tmp_path / "run")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("q d\n", "2 columns"),
            ("q 0 d yes\n", "'yes'"),
            ("q 0 d 1\nq 0 d 2\n", "as 1 and as 2"),
            ("query-id\tc\ts\n", "no judgements"),
        ],
    )
    def test_malformed_qrels_name_the_line(self, tmp_path, content, message):
        (tmp_path / "qrels").write_text(content)
        with pytest.raises(SourceError, match=message):
            read_qrels(tmp_path / "qrels")

    def test_what_the_format_cannot_hold_is_refused(self, tmp_path):
        for run in ({"q 1": []}, {"q": [("a b", 1.0)]}, {"q": [("", 1.0)]}, {"q": [("a", 1.0), ("a", 0.5)]}):
            with pytest.raises(UsageError):
                write_run(tmp_path / "run", run)
        with pytest.raises(UsageError, match="not a finite"):
            write_run(tmp_path / "run", {"q": [("a", float("nan"))]})
        assert not (tmp_path / "run").exists()


GOLD = {
    "q1": BioasqQuestion("q1", "yesno", "Is it?", (f"{URL}1",), (), "yes", ("Yes.",)),
    "q2": BioasqQuestion("q2", "factoid", "Which?", (f"{URL}2",), (), (("a", "b"),), ("A.",)),
    "q3": BioasqQuestion("q3", "summary", "What?", (f"{URL}3",), (), None, ("It.",)),
}


class TestBioasq:
    def test_phase_a_has_exactly_the_official_keys_and_every_question(self, tmp_path):
        snippet = BioasqSnippet("1", "abstract", "abstract", 0, 5, "Words")
        answers = {"q1": BioasqQuestion("q1", documents=tuple(map(str, range(1, 13))), snippets=(snippet,) * 11)}

        cut = write_submission(tmp_path / "a.json", GOLD, answers, "A")

        rows = json.loads((tmp_path / "a.json").read_text())["questions"]
        assert [row["id"] for row in rows] == ["q1", "q2", "q3"]
        assert set(rows[0]) == {"id", "type", "body", "documents", "snippets"}
        assert rows[0]["documents"] == [f"{URL}{i}" for i in range(1, 11)]
        assert len(rows[0]["snippets"]) == 10
        assert set(rows[0]["snippets"][0]) == {
            "document", "beginSection", "endSection", "offsetInBeginSection", "offsetInEndSection", "text",
        }  # fmt: skip
        assert rows[1]["documents"] == rows[1]["snippets"] == []
        assert (cut.n_padded, cut.n_documents_cut, cut.n_snippets_cut) == (2, 1, 1)
        read = read_bioasq(tmp_path / "a.json", submission=True)
        assert figures(score_documents(GOLD, read))["document_recall"] == pytest.approx(1 / 3)

    def test_phase_b_has_bare_words_lists_of_lists_and_short_ideal_answers(self, tmp_path):
        answers = {
            "q1": BioasqQuestion("q1", exact_answer="yes", ideal_answers=("word " * 250,)),
            "q2": BioasqQuestion("q2", exact_answer=tuple((f"e{i}", "synonym") for i in range(7))),
        }

        cut = write_submission(tmp_path / "b.json", GOLD, answers, "B")

        rows = json.loads((tmp_path / "b.json").read_text())["questions"]
        assert rows[0]["exact_answer"] == "yes"
        assert len(rows[0]["ideal_answer"].split()) == 200
        assert rows[1]["exact_answer"] == [["e0"], ["e1"], ["e2"], ["e3"], ["e4"]]
        assert "exact_answer" not in rows[2]
        assert (cut.n_padded, cut.n_ideal_cut, cut.n_factoids_cut, cut.n_without_exact) == (1, 1, 1, 0)

    def test_a_verdict_that_the_program_would_misread_is_refused(self, tmp_path):
        with pytest.raises(UsageError, match="bare word"):
            write_submission(tmp_path / "b.json", GOLD, {"q1": BioasqQuestion("q1", exact_answer="maybe")}, "B")
        with pytest.raises(UsageError, match="belong to no question"):
            write_submission(tmp_path / "b.json", GOLD, {"q9": BioasqQuestion("q9")}, "B")
        assert not (tmp_path / "b.json").exists()

    def test_a_span_in_the_second_part_of_an_abstract_has_its_offset_in_the_whole(self):
        parts = (Section("title", "T"), Section("abstract.0", "One two."), Section("abstract.1", "Three."))
        snippet = bioasq_snippet(Span("7", "abstract.1", 0, 5, "Three"), Document("7", parts))
        assert (snippet.begin_section, snippet.begin, snippet.end) == ("abstract", 9, 14)
        assert "One two. Three."[9:14] == snippet.text
        assert bioasq_snippet(Span("7", "title", 0, 1, "T"), Document("7", parts)).begin_section == "title"
        with pytest.raises(UsageError, match="other_abstract"):
            bioasq_snippet(Span("7", "other_abstract.0", 0, 1, "T"), Document("7", parts))

    @pytest.mark.parametrize(
        ("question", "message"),
        [
            ({"id": "q", "type": "list", "exact_answer": ["a", "b"]}, "flat list"),
            ({"id": "q", "type": "list", "exact_answer": "a"}, "must be a list of lists"),
            ({"id": "q", "type": "quiz"}, "yesno, factoid, list, summary"),
            ({"type": "list"}, "'id' must be"),
            ({"id": "q", "documents": "x"}, "must be a list of texts"),
            ({"id": "q", "snippets": [{"document": "d"}]}, "a snippet lacks"),
            (
                {"id": "q", "snippets": [{
                    "document": "d", "beginSection": "title", "endSection": "title", "offsetInBeginSection": 3,
                    "offsetInEndSection": 1, "text": "x",
                }]},
                "0 ≤ begin ≤ end",
            ),
            (
                {"id": "q", "snippets": [{
                    "document": "d", "beginSection": "title", "endSection": "title", "offsetInBeginSection": 0,
                    "offsetInEndSection": 1, "text": "x", "score": 0.5,
                }]},
                "'score', on which the official program crashes",
            ),
        ],
    )  # fmt: skip
    def test_submissions_that_crash_the_official_program_are_refused(self, tmp_path, question, message):
        (tmp_path / "s.json").write_text(json.dumps({"questions": [question]}))
        with pytest.raises(SourceError, match=message):
            read_bioasq(tmp_path / "s.json", submission=True)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ('{"questions": [', "cut off"),
            ("[]", "no list 'questions'"),
            ('{"questions": []}', "empty list"),
            ('{"questions": [{"id": "a"}, {"id": "a"}, {"id": "b"}]}', "1 question ids occur more than once"),
        ],
    )
    def test_damaged_files_are_told(self, tmp_path, content, message):
        (tmp_path / "g.json").write_text(content)
        with pytest.raises(SourceError, match=message):
            read_bioasq(tmp_path / "g.json")

    def test_flat_gold_lists_of_training_files_are_understood(self, tmp_path):
        rows = [
            {"id": "f", "type": "factoid", "exact_answer": ["x", "y"]},
            {"id": "l", "type": "list", "exact_answer": ["x", "y"]},
            {"id": "y", "type": "yesno", "exact_answer": ["yes"]},
        ]
        (tmp_path / "g.json").write_text(json.dumps({"questions": rows}))
        read = read_bioasq(tmp_path / "g.json")
        assert read["f"].exact_answer == (("x", "y"),)
        assert read["l"].exact_answer == (("x",), ("y",))
        assert read["y"].exact_answer == "yes"


class TestPredictions:
    def test_pubmedqa_writes_every_question_and_tells_the_fallbacks(self, tmp_path):
        n_filled = write_pubmedqa(tmp_path / "p.json", ["1", "2", "3"], {"1": "yes", "2": None})
        assert n_filled == 2
        assert read_pubmedqa(tmp_path / "p.json") == {"1": "yes", "2": "maybe", "3": "maybe"}

    def test_pubmedqa_refuses_other_labels_and_questions(self, tmp_path):
        with pytest.raises(UsageError, match="'unsure'"):
            write_pubmedqa(tmp_path / "p.json", ["1"], {"1": "unsure"})
        with pytest.raises(UsageError, match="belong to no question"):
            write_pubmedqa(tmp_path / "p.json", ["1"], {"2": "yes"})
        (tmp_path / "p.json").write_text("[1]")
        with pytest.raises(SourceError, match="PMID and label"):
            read_pubmedqa(tmp_path / "p.json")

    def test_mirage_files_are_read_by_its_parser(self, tmp_path):
        sets = {"medqa": ["0000", "0001"], "medmcqa": ["x"]}
        n_empty = write_mirage(tmp_path, sets, {"medqa": {"0000": "C"}, "medmcqa": {"x": "B"}})
        assert n_empty == 1
        assert (tmp_path / "medmcqa" / "dev_x.json").is_file()
        generated = read_mirage(tmp_path, sets)
        assert parse_choice(generated["medqa"]["0000"]) == "C"
        assert parse_choice(generated["medqa"]["0001"]) is None

    def test_no_mirage_predictions_at_all_is_an_error(self, tmp_path):
        with pytest.raises(SourceError, match=r"test_0000\.json is expected"):
            read_mirage(tmp_path, {"medqa": ["0000"]})
