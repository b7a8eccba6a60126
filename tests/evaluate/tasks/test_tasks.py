"""Task files in their official forms, and what is told when they are not as they should be."""

import json
from collections import Counter

import pytest

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.measures.bioasq.question import URL
from ragqa.evaluate.measures.measure import figures, mean_over_sets
from ragqa.evaluate.measures.retrieval import evaluate_run
from ragqa.evaluate.tasks.card import load_card
from ragqa.evaluate.tasks.pubmedqa import official_split
from ragqa.evaluate.tasks.registry import TASKS, load_tasks, task_names
from ragqa.evaluate.tasks.task import as_question, bioasq_gold, gold_labels, qrels, question_set_hash


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_an_unknown_task_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'pubmedqa'"):
        load_tasks("pubmed-qa")
    assert {"beir", "bioasq", "mirage", "pubmedqa", "r2med", "sample", "scifact-claims"} <= set(task_names())


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_has_a_card_and_a_loader_that_asks_for_data(name):
    card = load_card(name)
    assert card.files or card.steps
    if name != "sample":
        with pytest.raises(UsageError, match="needs"):
            load_tasks(name)


class TestSample:
    def test_the_shipped_questions(self):
        (task,) = load_tasks("sample")
        assert len(task.questions) == 40
        assert task.counts["n_unanswerable"] == sum(not question.answerable for question in task.questions) > 0
        assert set(gold_labels(task).values()) <= set(task.labels)
        assert all(question.relevant for question in task.questions if question.answerable)
        assert {question.type for question in task.questions} == {"yesno", "factoid", "list", "summary"}

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"type": "quiz"}, "'type' must be one of"),
            ({"document_ids": []}, "must have 'document_ids'"),
            ({"exact_answer": None}, "must have an 'exact_answer'"),
            ({"exact_answer": "perhaps"}, "not a verdict"),
            ({"exact_answer": ["flat"]}, "list of lists"),
            ({"text": " "}, "'text' must be a non-empty text"),
        ],
    )
    def test_a_question_without_its_gold_is_refused(self, tmp_path, change, message):
        row = {"id": "q", "text": "Is it?", "type": "yesno", "exact_answer": "yes", "document_ids": ["1"]}
        write_lines(tmp_path / "q.jsonl", [row | change])
        with pytest.raises(SourceError, match=message):
            load_tasks("sample", tmp_path / "q.jsonl")

    def test_neither_split_nor_setting(self):
        with pytest.raises(UsageError, match="neither"):
            load_tasks("sample", split="dev")


@pytest.fixture
def beir(tmp_path):
    write_lines(tmp_path / "corpus.jsonl", [{"_id": "d1", "title": "", "text": "words"}])
    write_lines(tmp_path / "queries.jsonl", [{"_id": f"q{i}", "text": f"question {i}"} for i in (3, 1, 2)])
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq3\td9\t1\n")
    return tmp_path


class TestBeir:
    def test_the_judged_queries_in_the_order_of_the_file(self, beir):
        (task,) = load_tasks("beir", beir)
        assert [question.id for question in task.questions] == ["q3", "q1"]
        assert qrels(task) == {"q3": {"d9": 1}, "q1": {"d1": 2}}
        assert task.counts == {"n_questions": 2, "n_queries_not_judged": 1}
        assert (task.corpus.format, task.corpus.path, task.split) == ("beir", beir, "test")
        assert as_question(task.questions[0]).text == "question 3"

    def test_an_unknown_split_names_those_that_are_there(self, beir):
        with pytest.raises(UsageError, match="Known: test"):
            load_tasks("beir", beir, split="dev")

    def test_judged_queries_that_are_missing_are_counted(self, beir):
        write_lines(beir / "queries.jsonl", [{"_id": "q1", "text": "question"}])
        with pytest.raises(SourceError, match=r"lacks 1 of the 2 judged queries \(q3\)"):
            load_tasks("beir", beir)

    def test_ids_that_occur_twice_are_counted(self, beir):
        write_lines(beir / "queries.jsonl", [{"_id": "q1", "text": "a"}, {"_id": "q1", "text": "b"}])
        with pytest.raises(SourceError, match="1 ids occur more than once"):
            load_tasks("beir", beir)

    @pytest.mark.parametrize(
        ("content", "message"),
        [("", "is empty"), ('{"_id": "q1", "te', "line 1: not JSON"), ("[1]\n", "JSON object is expected")],
    )
    def test_damaged_queries_name_the_line(self, beir, content, message):
        (beir / "queries.jsonl").write_text(content)
        with pytest.raises(SourceError, match=message):
            load_tasks("beir", beir)

    def test_it_needs_a_folder(self, beir):
        for data in (None, beir / "queries.jsonl"):
            with pytest.raises(UsageError, match=r"queries\.jsonl"):
                load_tasks("beir", data)

    def test_the_hash_changes_with_the_gold_and_the_wording_only(self, beir):
        first = question_set_hash(load_tasks("beir", beir)[0])
        assert question_set_hash(load_tasks("beir", beir)[0]) == first
        (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq3\td9\t1\n")
        assert question_set_hash(load_tasks("beir", beir)[0]) != first


class TestR2med:
    def make(self, folder, questions):
        write_lines(folder / "corpus.jsonl", [{"id": "p1", "text": "words"}])
        write_lines(folder / "query.jsonl", [{"id": q, "text": q, "doc_id": []} for q in questions])
        write_lines(folder / "qrels.jsonl", [{"q_id": q, "p_id": "p1", "score": 1} for q in questions])

    def test_each_set_is_a_task_and_the_mean_is_unweighted(self, tmp_path):
        self.make(tmp_path / "PMC-Clinical", ["a", "b", "c"])
        self.make(tmp_path / "Biology", ["a"])

        tasks = load_tasks("r2med", tmp_path)
        runs = {"Biology": {"a": ["p1"]}, "PMC-Clinical": {"a": ["p1"]}}
        scores = {task.split: evaluate_run(qrels(task), runs[task.split], ["nDCG@10"]) for task in tasks}
        mean = mean_over_sets(scores)

        assert [task.split for task in tasks] == ["Biology", "PMC-Clinical"]
        assert "2 of R2MED's 8 sets" in tasks[0].notes[0]
        assert figures(mean) == {"mean_nDCG@10": pytest.approx((1 + 1 / 3) / 2)}
        assert mean.counts == {
            "n_sets": 2, "n_questions": 4, "n_missing": 2, "n_without_relevant": 0, "n_not_judged": 0,
        }  # fmt: skip

    def test_one_set_can_be_chosen(self, tmp_path):
        self.make(tmp_path / "Biology", ["a"])
        assert load_tasks("r2med", tmp_path / "Biology")[0].split == "Biology"
        with pytest.raises(UsageError, match="did you mean 'Biology'"):
            load_tasks("r2med", tmp_path, split="Biologie")

    def test_a_folder_without_sets_is_refused(self, tmp_path):
        with pytest.raises(UsageError, match="a set of R2MED is expected"):
            load_tasks("r2med", tmp_path)


def bioasq_row(question_id, kind="yesno", exact="yes", **changes):
    snippet = {
        "document": f"{URL}1", "beginSection": "abstract", "endSection": "abstract", "offsetInBeginSection": 0,
        "offsetInEndSection": 5, "text": "Words",
    }  # fmt: skip
    row = {
        "id": question_id, "type": kind, "body": "Is it?", "documents": [f"{URL}1"], "snippets": [snippet],
        "exact_answer": exact, "ideal_answer": ["Yes."],
    }  # fmt: skip
    return row | changes


class TestBioasq:
    @pytest.fixture
    def golden(self, tmp_path):
        first = [bioasq_row("a", exact="Yes"), bioasq_row("b", "list", [["x", "y"]])]
        (tmp_path / "1B1_golden.json").write_text(json.dumps({"questions": first}))
        (tmp_path / "1B2_golden.json").write_text(json.dumps({"questions": [bioasq_row("c", "summary", None)]}))
        return tmp_path

    def test_a_folder_is_one_task_with_its_batches(self, golden):
        (task,) = load_tasks("bioasq", golden)
        assert [(question.id, question.subset) for question in task.questions] == [
            ("a", "1B1"), ("b", "1B1"), ("c", "1B2"),
        ]  # fmt: skip
        assert task.setting == "A+"
        assert task.questions[0].label == "yes"
        assert task.questions[1].exact_answer == (("x", "y"),)
        assert qrels(task)["a"] == {"1": 1}
        gold = bioasq_gold(task)
        assert (gold["a"].documents, gold["a"].exact_answer, gold["c"].exact_answer) == ((f"{URL}1",), "yes", None)

    def test_only_phase_b_hands_the_gold_snippets_over(self, golden):
        contexts = {
            setting: load_tasks("bioasq", golden, "1B1", setting)[0].questions[0].contexts
            for setting in ("A", "A+", "B")
        }
        assert contexts == {"A": (), "A+": (), "B": ("Words",)}

    def test_gold_that_is_missing_is_counted_and_refused_where_all_is(self, tmp_path):
        rows = [bioasq_row("a", documents=[]), bioasq_row("b", exact_answer=None, ideal_answer=[])]
        (tmp_path / "g.json").write_text(json.dumps({"questions": rows}))
        (task,) = load_tasks("bioasq", tmp_path / "g.json")
        assert task.counts == {
            "n_questions": 2, "n_without_documents": 1, "n_without_snippets": 0, "n_without_exact": 1,
            "n_without_ideal": 1,
        }  # fmt: skip
        (tmp_path / "t.json").write_text(json.dumps({"questions": [bioasq_row("a", documents=[])]}))
        with pytest.raises(SourceError, match="none of its 1 questions has gold for 'documents'"):
            load_tasks("bioasq", tmp_path / "t.json", setting="A")

    def test_a_question_in_two_files_is_refused(self, golden):
        (golden / "copy.json").write_bytes((golden / "1B2_golden.json").read_bytes())
        with pytest.raises(SourceError, match=r"1 questions are in several files \(c\)"):
            load_tasks("bioasq", golden)

    def test_what_to_do_without_the_data(self):
        with pytest.raises(UsageError, match=r"registration at http://participants-area\.bioasq\.org"):
            load_tasks("bioasq")

    def test_unknown_batches_and_settings(self, golden):
        with pytest.raises(UsageError, match="Known: 1B1, 1B2"):
            load_tasks("bioasq", golden, "1B3")
        with pytest.raises(UsageError, match="no setting 'C'"):
            load_tasks("bioasq", golden, setting="C")


def pubmedqa_row(label="yes", **changes):
    return {
        "QUESTION": "Does it?", "CONTEXTS": ["Aim.", "Results."], "LABELS": ["AIM", "RESULTS"],
        "LONG_ANSWER": "It does.", "final_decision": label,
    } | changes  # fmt: skip


def pubmedqa_rows(n_yes, n_no, n_maybe, first=0):
    labels = ["yes"] * n_yes + ["no"] * n_no + ["maybe"] * n_maybe
    return {str(first + i): pubmedqa_row(label) for i, label in enumerate(labels)}


class TestPubmedqa:
    @pytest.mark.parametrize(
        ("setting", "contexts"),
        [
            (None, ("Aim.", "Results.")),
            ("reasoning-required", ("Aim.", "Results.")),
            ("reasoning-free", ("Aim.", "Results.", "It does.")),
            ("question-only", ()),
        ],
    )
    def test_the_three_settings_differ_in_what_the_reader_gets(self, tmp_path, setting, contexts):
        (tmp_path / "ori_pqal.json").write_text(json.dumps(pubmedqa_rows(10, 10, 10)))
        (task,) = load_tasks("pubmedqa", tmp_path / "ori_pqal.json", setting=setting)
        question = task.questions[0]
        assert question.contexts == contexts
        assert len(question.context_labels) == len(contexts)
        assert (question.label, question.source_ids) == ("yes", ("0",))

    def test_the_official_split_has_the_published_label_counts(self):
        labels = {pmid: row["final_decision"] for pmid, row in pubmedqa_rows(552, 338, 110).items()}
        folds, test = official_split(labels)
        assert Counter(labels[pmid] for pmid in test) == {"yes": 276, "no": 169, "maybe": 55}
        assert [len(fold) for fold in folds] == [50] * 10
        assert len({pmid for fold in folds for pmid in fold} | set(test)) == 1000

    def test_all_questions_are_split_in_the_official_way(self, tmp_path):
        rows = pubmedqa_rows(552, 338, 110)
        (tmp_path / "ori_pqal.json").write_text(json.dumps(rows))
        (development,), (test,) = (load_tasks("pubmedqa", tmp_path, split) for split in ("dev", "test"))
        assert (len(development.questions), len(test.questions)) == (500, 500)
        assert not {q.id for q in development.questions} & {q.id for q in test.questions}
        assert Counter(question.fold for question in development.questions) == dict.fromkeys(range(10), 50)
        assert {question.fold for question in test.questions} == {None}

        (tmp_path / "test_ground_truth.json").write_text(json.dumps({"0": "yes"}))
        with pytest.raises(SourceError, match="does not agree"):
            load_tasks("pubmedqa", tmp_path, "test")

    def test_folds_of_half_the_questions_are_stratified_repeatable_and_said_not_to_be_official(self, tmp_path):
        (tmp_path / "dev.json").write_text(json.dumps(pubmedqa_rows(276, 169, 55)))
        (first,), (second,) = (load_tasks("pubmedqa", tmp_path / "dev.json") for _ in range(2))
        assert first == second
        assert set(Counter(question.fold for question in first.questions).values()) == {50}
        yes = Counter(question.fold for question in first.questions if question.label == "yes")
        assert max(yes.values()) - min(yes.values()) <= 6
        assert "not PubMedQA's own folds" in first.notes[0]

    def test_official_fold_and_test_files_are_used_where_they_are(self, tmp_path):
        for fold in range(10):
            (tmp_path / f"pqal_fold{fold}").mkdir()
            rows = pubmedqa_rows(1, 1, 0, first=10 * fold)
            (tmp_path / f"pqal_fold{fold}" / "dev_set.json").write_text(json.dumps(rows))
        (tmp_path / "test_set.json").write_text(json.dumps(pubmedqa_rows(1, 0, 0, first=500)))
        (development,), (test,) = (load_tasks("pubmedqa", tmp_path, split) for split in ("dev", "test"))
        assert {question.id: question.fold for question in development.questions}["31"] == 3
        assert [question.id for question in test.questions] == ["500"]

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ({}, "not a JSON object of PMID"),
            ({"1": {"QUESTION": "q"}}, "1 of 1 questions lack"),
            ({"1": pubmedqa_row(), "2": pubmedqa_row(final_decision="unsure")}, "1 of 2 questions have no label"),
        ],
    )
    def test_malformed_files_are_counted(self, tmp_path, rows, message):
        (tmp_path / "p.json").write_text(json.dumps(rows))
        with pytest.raises(SourceError, match=message):
            load_tasks("pubmedqa", tmp_path / "p.json")

    def test_unknown_settings_and_splits(self, tmp_path):
        with pytest.raises(UsageError, match="did you mean 'reasoning-free'"):
            load_tasks("pubmedqa", tmp_path, setting="reasoning_free")
        with pytest.raises(UsageError, match="no split 'train'"):
            load_tasks("pubmedqa", tmp_path, split="train")


class TestMirage:
    QUESTION = '{"question": "Which?", "options": {"A": "one", "B": "two"}, "answer": "B"}'

    def test_sets_ids_and_notes(self, tmp_path):
        content = f'{{"bioasq": {{"x": {self.QUESTION}}}, "medqa": {{"x": {self.QUESTION}, "y": {self.QUESTION}}}}}'
        (tmp_path / "benchmark.json").write_text(content)
        (task,) = load_tasks("mirage", tmp_path)
        assert [question.id for question in task.questions] == ["medqa:x", "medqa:y", "bioasq:x"]
        assert task.questions[0].label == "B"
        assert "options" not in as_question(task.questions[0]).text
        assert len(task.notes) == 3
        (only,) = load_tasks("mirage", tmp_path / "benchmark.json", "bioasq")
        assert len(only.questions) == 1

    def test_questions_without_a_right_option_are_counted(self, tmp_path):
        (tmp_path / "b.json").write_text('{"medqa": {"x": {"question": "?", "options": {"A": "a"}, "answer": "C"}}}')
        with pytest.raises(SourceError, match=r"1 questions lack .* \(medqa:x\)"):
            load_tasks("mirage", tmp_path / "b.json")
        with pytest.raises(UsageError, match="no set 'medmcqa'"):
            load_tasks("mirage", tmp_path / "b.json", "medmcqa")


def test_equal_ids_of_query_and_document_mean_something_only_where_queries_are_documents(tmp_path):
    for name in ("scifact", "arguana"):
        folder = tmp_path / name
        (folder / "qrels").mkdir(parents=True)
        (folder / "corpus.jsonl").write_text('{"_id": "1", "title": "", "text": "one"}\n')
        (folder / "queries.jsonl").write_text('{"_id": "1", "text": "one?"}\n')
        (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\t1\t1\n")

    assert not load_tasks("beir", tmp_path / "scifact")[0].drop_query_id
    assert load_tasks("beir", tmp_path / "arguana")[0].drop_query_id
