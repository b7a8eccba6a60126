"""Facts in answers: judged by a named judge, kept beside the run, shown with it, and never silently dropped."""

import json
import subprocess
import sys
import time

import pytest

from ragqa.cli import run as ragqa
from ragqa.errors import BackendError, ProductError, UsageError
from ragqa.evaluate.compare.pairs import compare_runs
from ragqa.evaluate.measures.entailment import LexicalOverlap
from ragqa.evaluate.measures.facts import Claim, JudgedAnswer, JudgedStatement, PassageJudge, score_facts
from ragqa.evaluate.measures.judges import open_judge
from ragqa.evaluate.measures.measure import figures
from ragqa.evaluate.report.page import write_report
from ragqa.evaluate.runs.facts import judge_facts
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.load import load_run

WORDS = PassageJudge(LexicalOverlap())
OVERLAP = "lexical-overlap@0.7+quotes"


def judged(question, *supported, n_passages=1):
    return JudgedAnswer(question, tuple(JudgedStatement("x", one, float(one)) for one in supported), n_passages)


def test_the_share_of_supported_statements_is_averaged_over_questions():
    answers = [judged("half", True, False), judged("all", True), judged("silent")]

    scores = score_facts(answers, "given", "j")

    assert figures(scores) == {"faithfulness[j]": pytest.approx(0.5), "faithfulness_answered[j]": pytest.approx(0.75)}
    assert (scores.counts["n_statements"], scores.counts["n_abstained"]) == (3, 1)


def test_questions_without_gold_are_left_out_and_counted():
    scores = score_facts([judged("a", True), judged("b", False, n_passages=0)], "gold", "j")

    assert figures(scores)["factual_precision[j]"] == 1.0
    assert (scores.counts["n_questions"], scores.counts["n_without_gold"]) == (1, 1)
    with pytest.raises(UsageError, match="--against given"):
        score_facts([judged("b", False, n_passages=0)], "gold", "j")


def test_a_statement_needs_one_passage_that_says_it_alone():
    said, elsewhere = "Statins reduced strokes.", "Honey bees dance."

    both, neither, nothing = WORDS.judge(
        [Claim(said, (elsewhere, said)), Claim(said, ("Statins are drugs.", "Strokes are common.")), Claim(said, ())]
    )

    assert (both.entailed, both.strength) == (True, 1.0)
    assert not neither.entailed
    assert (nothing.entailed, nothing.strength) == (False, 0.0)


class Unwilling:
    """A model that entails nothing, and counts what it is asked."""

    name = "unwilling"
    n_asked = 0

    def entails(self, pairs):
        self.n_asked += len(pairs)
        return [False] * len(pairs)


def test_a_sentence_of_a_passage_needs_no_model_but_a_part_of_one_does():
    model, passage = Unwilling(), "We gave statins.  Statins did not\nreduce strokes. More is needed."

    whole, part = PassageJudge(model).judge(
        [Claim("statins did not reduce strokes.", ("Bees dance.", passage)), Claim("reduce strokes.", (passage,))]
    )

    assert (whole.entailed, whole.strength) == (True, 1.0)
    assert not part.entailed
    assert model.n_asked == 1


def test_sentences_of_articles_are_faithful_to_what_was_given_but_not_to_each_other(answered):
    given, gold = (judge_facts(answered["three"], WORDS, against) for against in ("given", "gold"))

    assert figures(given.scores)[f"faithfulness_answered[{OVERLAP}]"] == 1.0, "extractive answers are quotations"
    assert figures(gold.scores)[f"factual_precision_answered[{OVERLAP}]"] < 1.0
    n_sentences = sum(len(line.answer.statements) for line in read_lines(answered["three"]))
    assert given.scores.counts["n_statements"] == n_sentences


def test_judged_runs_show_their_facts_in_comparison_and_report(answered, tmp_path):
    for path in answered.values():
        judge_facts(path, WORDS, "gold")

    runs = [load_run(path) for path in answered.values()]
    name = f"factual_precision[{OVERLAP}]"
    compared = compare_runs(runs, [name])
    page, text = write_report(list(answered.values()), tmp_path / "report")

    assert compared.pairs[0].comparison.a == pytest.approx(runs[0].metrics.metrics[name])
    assert runs[0].metrics.counts[f"{name}.n_statements"] > 0
    assert name in page.read_text()
    assert f"{name}: {OVERLAP} is no entailment model" in text.read_text()


def test_judgements_of_other_lines_are_not_shown(answered, caplog):
    path = answered["three"]
    judge_facts(path, WORDS)
    lines = path / "questions.jsonl"
    lines.write_text(lines.read_text().replace("atrial", "ventricular"))

    assert f"faithfulness[{OVERLAP}]" not in load_run(path).metrics.metrics
    assert "of other lines than the run has now" in caplog.text

    assert judge_facts(path, WORDS).scores.counts["n_statements"]
    assert f"faithfulness[{OVERLAP}]" in load_run(path).metrics.metrics


def test_damaged_judgements_are_named(answered):
    file = judge_facts(answered["one"], WORDS).file
    file.write_text(file.read_text().replace('"supported"', '"supportd"', 1))

    with pytest.raises(ProductError, match=r"line \d+: damaged .*delete it, and judge again"):
        load_run(answered["one"])


def test_a_language_model_judges_statements_and_facts(answered, judge_server):
    judge = open_judge("llm", judge_server.overrides)

    sentences = judge_facts(answered["three"], judge)
    facts = judge_facts(answered["three"], judge, units="facts")

    assert judge.name.startswith("small/judge@")
    assert figures(sentences.scores)[f"faithfulness_answered[{judge.name}]"] == 1.0
    assert facts.scores.counts["n_statements"] > sentences.scores.counts["n_statements"]
    assert {f"faithfulness[{judge.name}]", f"faithfulness[{judge.name}/facts]"} <= load_run(
        answered["three"]
    ).metrics.metrics.keys()
    strengths = [said.strength for one in sentences.answers for said in one.statements]
    assert set(strengths) == {1.0}, "the probability of yes among yes and no"


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("Perhaps.", "the judge's reply is not yes or no: 'Perhaps.'"),
        ("cut off: yes", "was cut off; raise answer.chat.max_tokens"),
        ("dropped: yes", "nothing answers at"),
        (500, "answers with status 500: the judge is ill"),
    ],
)
def test_what_the_judge_does_not_say_is_counted_as_not_supported(answered, judge_server, reply, told):
    judge_server.reply = lambda prompt: reply if "statin" in prompt.split("<statement>")[1] else "yes"

    found = judge_facts(answered["three"], open_judge("llm", judge_server.overrides))

    said = [statement for one in found.answers for statement in one.statements]
    wrong = [statement for statement in said if statement.error]
    assert wrong
    assert not any(statement.supported for statement in wrong)
    assert all(told in statement.error for statement in wrong)
    assert found.scores.counts["n_unjudged"] == len(wrong) < len(said) == found.scores.counts["n_statements"]
    assert any(f"{len(wrong)} of {len(said)} statements have no judgement" in note for note in found.scores.notes)


def test_sentences_that_cannot_be_split_are_judged_whole(answered, judge_server):
    judge_server.reply = lambda prompt: "no JSON" if "<sentence>" in prompt else "yes"

    found = judge_facts(answered["three"], open_judge("llm", judge_server.overrides), units="facts")

    counts = found.scores.counts
    assert counts["n_unsplit"] == counts["n_statements"] == counts["n_supported"] > 0


def test_only_what_the_judge_could_not_be_asked_about_is_judged_again(answered, judge_server):
    judge_server.reply = lambda prompt: 500 if "statin" in prompt.split("<statement>")[1] else "yes"
    judge = open_judge("llm", judge_server.overrides)
    n_wrong = judge_facts(answered["three"], judge).scores.counts["n_unjudged"]
    judge_server.reply = lambda prompt: "yes"
    judge_server.prompts.clear()

    assert judge_facts(answered["three"], judge).scores.counts["n_unjudged"] == n_wrong
    assert not judge_server.prompts, "a finished judging asks nothing"

    again = judge_facts(answered["three"], judge, retry_failed=True).scores.counts
    assert again["n_unjudged"] == 0
    assert n_wrong <= len(judge_server.prompts) < again["n_statements"]


def test_sentences_that_the_judge_was_not_asked_to_split_are_split_again(answered, judge_server):
    honest = judge_server.reply
    judge_server.reply = lambda prompt: 500 if "<sentence>" in prompt and "statin" in prompt.lower() else honest(prompt)
    judge = open_judge("llm", judge_server.overrides)
    n_unsplit = judge_facts(answered["three"], judge, units="facts").scores.counts["n_unsplit"]
    judge_server.reply = honest

    again = judge_facts(answered["three"], judge, units="facts", retry_failed=True)

    assert n_unsplit > again.scores.counts["n_unsplit"] == 0


def test_a_judging_that_was_stopped_goes_on_where_it_was(answered, judge_server):
    path, judge = answered["three"], open_judge("llm", judge_server.overrides)
    whole = judge_facts(path, judge)
    lines = whole.file.read_bytes().splitlines(keepends=True)
    whole.file.write_bytes(b"".join(lines[:8]) + lines[8][:25])
    judge_server.prompts.clear()

    assert f"faithfulness[{judge.name}]" not in load_run(path).metrics.metrics, "half a judging is no figure"

    again = judge_facts(path, judge)
    assert again.answers == whole.answers
    assert len(judge_server.prompts) == sum(len(one.statements) for one in whole.answers[7:])


def test_a_judging_that_was_killed_goes_on_with_the_questions_that_are_left(answered, judge_server):
    path = answered["three"]

    def slow(prompt):
        time.sleep(1.0)
        return "yes"

    judge_server.reply = slow
    command = [sys.executable, "-m", "ragqa", "eval", "judge", "facts", str(path), *judge_server.options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (
            kept := [n for file in path.glob("judged/facts-*") if (n := file.read_bytes().count(b"\n") - 1) > 0]
        ):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    judge_server.reply = lambda prompt: "yes"
    judge_server.prompts.clear()

    found = judge_facts(path, open_judge("llm", judge_server.overrides))

    assert found.scores.counts["n_supported"] == found.scores.counts["n_statements"]
    assert 0 < len(judge_server.prompts) <= sum(len(one.statements) for one in found.answers[kept[0] :])


def test_a_judge_that_dies_ends_the_judging_and_the_rest_is_judged_later(answered, judge_server):
    path, judge = answered["three"], open_judge("llm", judge_server.overrides)
    judge_server.reply = lambda prompt: 503

    with pytest.raises(BackendError, match=r"could not be asked about \d+ answers.*run the same command again"):
        judge_facts(path, judge)

    judge_server.reply = lambda prompt: "no"
    found = judge_facts(path, judge).scores
    assert found.counts["n_unjudged"] == 0
    assert figures(found)[f"faithfulness[{judge.name}]"] == 0.0


def test_passages_without_room_are_counted(answered, judge_server):
    judge = open_judge("llm", [*judge_server.overrides, "answer.chat.context_tokens=1500"])

    found = judge_facts(answered["three"], judge)

    assert found.scores.counts["n_passages_cut"] > 0
    assert any("had no room for them" in note for note in found.scores.notes)


def test_the_command_names_the_judge_and_what_it_found(answered, capsys):
    command = ["eval", "judge", "facts", str(answered["one"]), "--judge", "word-overlap", "--against", "gold"]

    assert ragqa(command) == 0
    text = capsys.readouterr().out
    assert f"factual_precision[{OVERLAP}]" in text
    assert "Not supported (strength 0." in text
    assert ragqa([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["judge"] == OVERLAP
    assert told["counts"]["n_statements"] == sum(
        len(line.answer.statements) for line in read_lines(answered["one"]) if line.answer
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--judge", "wordoverlap"], "did you mean 'word-overlap'?"),
        (["--judge", "word-overlap", "--units", "facts"], "cannot split sentences into facts"),
        (["--judge", "word-overlap", "--set", "answer.chat.model=x"], "is a setting of a language model"),
        (["--judge", "llm", "--set", "answer.chat.url=x"], "unknown key 'answer.chat.url'"),
    ],
)
def test_what_cannot_be_judged_is_refused(answered, options, told, capsys):
    assert ragqa(["eval", "judge", "facts", str(answered["one"]), *options]) == 2
    assert told in capsys.readouterr().err


def test_a_judge_that_is_not_there_is_told_in_one_line(answered, judge_server, capsys):
    judge_server.close()

    assert ragqa(["eval", "judge", "facts", str(answered["one"]), *judge_server.options]) == 1
    assert "nothing answers at http://127.0.0.1:" in capsys.readouterr().err


def test_a_run_without_answers_is_refused(small_beir, capsys):
    assert ragqa(["eval", "run", "beir", "--data", str(small_beir), "--recipe", "bm25-anserini", "--json"]) == 0
    path = json.loads(capsys.readouterr().out)["path"]

    assert ragqa(["eval", "judge", "facts", path]) == 2
    assert "asks for no answers in sentences" in capsys.readouterr().err


def test_without_its_corpus_a_run_can_be_judged_by_what_it_holds(answered, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "empty"))

    assert ragqa(["eval", "judge", "facts", str(answered["one"]), "--judge", "word-overlap"]) == 2
    assert "or judge the answers by what the run itself holds: --against cited" in capsys.readouterr().err
    found = judge_facts(answered["one"], WORDS, "cited")
    assert figures(found.scores)[f"cited_faithfulness_answered[{OVERLAP}]"] == 1.0
