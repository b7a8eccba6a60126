"""Answers set against each other: both orders must agree, ties are ties, and the position is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.cli import run as ragqa
from ragqa.errors import BackendError, UsageError
from ragqa.evaluate.compare.preferences import Duel, judge_pairs
from ragqa.evaluate.measures.entailment import LexicalOverlap
from ragqa.evaluate.measures.facts import PassageJudge
from ragqa.evaluate.measures.judges import open_judge
from ragqa.evaluate.measures.language_judge import NO_ANSWER
from ragqa.evaluate.runs.facts import judge_facts
from ragqa.evaluate.runs.load import load_run

WORDS = PassageJudge(LexicalOverlap())
N = 100
"""Resamples: what the intervals are is tested elsewhere."""


@pytest.fixture
def runs(answered):
    return [load_run(path) for path in answered.values()]


def shown_first(prompt):
    return prompt.split('<answer name="first">')[1].split("</answer>")[0]


def judged(runs, server, out, **options):
    return judge_pairs(runs, open_judge("llm", server.overrides), out=out, n_resamples=N, **options)[1]


@given(st.sampled_from(["first", "second", "tie", ""]), st.sampled_from(["first", "second", "tie", ""]))
def test_only_two_orders_that_agree_make_a_winner(forward, backward):
    points = Duel("q", "a", "b", forward, backward).points

    assert points == {("first", "second"): 1.0, ("second", "first"): 0.0}.get((forward, backward), 0.5)


def test_an_honest_judge_finds_the_longer_answer_nearer_to_gold_and_has_no_position(runs, judge_server, tmp_path):
    found = judged(runs, judge_server, tmp_path / "out")

    assert found.judge.startswith("small/judge@")
    assert found.position.share == 0.0
    assert found.pairs[0].n_by_position == 0
    assert found.counts["n_asked"] + found.counts["n_same"] == found.counts["n_pairs"] == 12
    assert found.pairs[0].wins > found.pairs[0].losses
    assert len(judge_server.prompts) == 2 * found.counts["n_asked"], "each pair both ways round"
    assert all("<reference>" in prompt for prompt in judge_server.prompts)


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_judge_that_follows_the_position_decides_nothing_and_is_found_out(runs, judge_server, tmp_path, place):
    judge_server.reply = lambda prompt: place

    found = judged(runs, judge_server, tmp_path / "out", against="none")

    assert found.position.share == 1.0
    assert (found.position.n_first, found.position.n_second) == (
        (found.counts["n_asked"], 0) if place == "first" else (0, found.counts["n_asked"])
    )
    assert (found.pairs[0].wins, found.pairs[0].losses) == (0, 0)
    assert [one.strength.value for one in found.ranking.systems] == pytest.approx([0.0, 0.0])
    assert not any("<reference>" in prompt for prompt in judge_server.prompts)


def test_names_in_another_order_make_the_same_ranking(runs, judge_server, tmp_path):
    one, other = (judged(order, judge_server, tmp_path / name) for name, order in (("a", runs), ("b", runs[::-1])))

    def strengths(found):
        return {one.system: one.strength.value for one in found.ranking.systems}

    assert strengths(one) == pytest.approx(strengths(other))


@pytest.mark.parametrize(
    ("reply", "told"),
    [("Both are fine.", "is not first, second or tie"), ("cut off: first", "was cut off"), (500, "the judge is ill")],
)
def test_verdicts_that_are_missing_are_ties_and_counted(runs, judge_server, tmp_path, reply, told):
    honest = judge_server.reply
    judge_server.reply = lambda prompt: reply if "statin" in prompt else honest(prompt)

    found = judged(runs, judge_server, tmp_path / "out")

    n_unjudged = found.counts["n_unjudged"]
    assert 0 < n_unjudged == found.pairs[0].n_unjudged < found.counts["n_asked"]
    assert found.pairs[0].ties >= n_unjudged
    assert found.position.n_pairs == found.counts["n_asked"] - n_unjudged
    assert any(f"{n_unjudged} pairs lack a verdict" in note and told in note for note in found.notes)


def test_a_judging_that_was_stopped_goes_on_and_a_finished_one_asks_nothing(runs, judge_server, tmp_path):
    whole = judged(runs, judge_server, tmp_path / "out")
    file = tmp_path / "out" / "pairs.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:6]) + lines[6][:10])
    judge_server.prompts.clear()

    again = judged(runs, judge_server, tmp_path / "out")
    n_asked = sum(json.loads(line)["asked"] for line in lines[6:])
    assert again == whole
    assert len(judge_server.prompts) == 2 * n_asked

    judge_server.prompts.clear()
    assert judged(runs, judge_server, tmp_path / "out") == whole
    assert not judge_server.prompts


def test_pairs_that_could_not_be_asked_about_are_asked_again(runs, judge_server, tmp_path):
    honest = judge_server.reply
    judge_server.reply = lambda prompt: 500 if "statin" in prompt else honest(prompt)
    assert judged(runs, judge_server, tmp_path / "out").counts["n_unjudged"] > 0
    judge_server.reply = honest

    assert judged(runs, judge_server, tmp_path / "out").counts["n_unjudged"] > 0
    assert judged(runs, judge_server, tmp_path / "out", retry_failed=True).counts["n_unjudged"] == 0


def test_other_lines_of_a_run_are_judged_anew(runs, answered, judge_server, tmp_path):
    judged(runs, judge_server, tmp_path / "out")
    lines = answered["one"] / "questions.jsonl"
    lines.write_text(lines.read_text().replace("ms", "ms ", 1))
    judge_server.prompts.clear()

    judged([load_run(path) for path in answered.values()], judge_server, tmp_path / "out")

    assert judge_server.prompts


def test_an_abstention_is_shown_as_such(runs, answered, judge_server, tmp_path):
    lines = answered["one"] / "questions.jsonl"
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    told[0]["answer"] |= {"abstained": True, "text": "", "statements": [], "reason": "nothing was found"}
    lines.write_text("".join(json.dumps(one) + "\n" for one in told))

    judged([load_run(path) for path in answered.values()], judge_server, tmp_path / "out")

    assert sum(NO_ANSWER in shown_first(prompt) for prompt in judge_server.prompts) == 1


def test_without_a_language_model_the_share_of_supported_statements_decides(runs, tmp_path):
    path, found = judge_pairs(runs, WORDS, out=tmp_path / "out", n_resamples=N)

    shares = [{one.id: one.share for one in judge_facts(run.path, WORDS, "gold").answers} for run in runs]
    first = next(pair for pair in found.pairs)
    place = 0 if first.a == runs[0].system else 1
    assert first.wins == sum(shares[place][q] > shares[1 - place][q] for q in shares[0])
    assert first.ties == sum(shares[0][q] == shares[1][q] for q in shares[0])
    assert found.position is None
    assert any("sees each answer alone" in note for note in found.notes)
    assert f"factual_precision[{WORDS.name}]" in load_run(runs[0].path).metrics.metrics, "kept by the runs"
    assert json.loads((path / "ranking.json").read_text())["judge"] == WORDS.name


def test_the_command_prints_ranking_pairs_and_position(answered, judge_server, capsys):
    command = ["eval", "judge", "pairs", *map(str, answered.values()), *judge_server.options]

    assert ragqa(command) == 0
    text = capsys.readouterr().out
    assert "win/tie/loss of A" in text
    assert "Davidson's model" in text
    assert "Position bias: of" in text
    assert ragqa([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"]["n_pairs"] == 12
    assert {one["system"] for one in told["ranking"]["systems"]} == {"sample", "sample answer.n_statements=1"}


@pytest.mark.parametrize(
    ("against", "told"), [("given", "were not given the same passages"), ("truth", "known: given, gold, none")]
)
def test_what_a_language_model_cannot_judge_by_is_refused(runs, judge_server, tmp_path, against, told):
    with pytest.raises(UsageError, match=f"(?i){told}"):
        judged(runs, judge_server, tmp_path / "out", against=against)


def test_a_run_is_not_set_against_itself_or_alone(runs, tmp_path):
    with pytest.raises(UsageError, match="is named twice"):
        judge_pairs([runs[0], runs[0]], WORDS, out=tmp_path / "out")
    with pytest.raises(UsageError, match="at least two runs"):
        judge_pairs(runs[:1], WORDS, out=tmp_path / "out")
    with pytest.raises(UsageError, match="judges by texts"):
        judge_pairs(runs, WORDS, "none", out=tmp_path / "out")


def test_a_judge_that_is_dead_ends_the_judging(runs, judge_server, tmp_path):
    honest, judge_server.reply = judge_server.reply, lambda prompt: 503

    with pytest.raises(BackendError, match=r"could not be asked about \d+ pairs.*run the same command again"):
        judged(runs, judge_server, tmp_path / "out")

    judge_server.reply = honest
    assert judged(runs, judge_server, tmp_path / "out").counts["n_unjudged"] == 0
