"""Facts in answers on real questions: a judge tells an answer's own evidence from that of another question."""

from pathlib import Path

import numpy as np

from ragqa.evaluate.measures.entailment import entailment_model
from ragqa.evaluate.measures.facts import Claim, PassageJudge, sentences_of
from ragqa.evaluate.measures.measure import figures
from ragqa.evaluate.runs.facts import judge_facts
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.load import load_run
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
from ragqa.evaluate.runs.sources import gold_texts
from ragqa.evaluate.runs.task import read_task


def test_bioasq_answers_are_borne_out_by_their_own_gold_and_not_by_that_of_another_question(real_data: Path) -> None:
    gold = real_data / "bioasq" / "golden" / "10B1_golden.json"
    path = run(Request("bioasq", data=gold, setting="B", limit=12))[0].path
    judge = PassageJudge(entailment_model("reader"))

    given = judge_facts(path, judge, "given").scores
    own = judge_facts(path, judge, "gold")
    texts = [gold_texts(question) for question in read_task(path).task.questions]
    answers = [line.answer for line in read_lines(path)]
    elsewhere = [
        Claim(sentence, texts[place - 1])
        for place, answer in enumerate(answers)
        if answer is not None
        for sentence in sentences_of(answer)
    ]
    by_others = np.mean([one.entailed for one in judge.judge(elsewhere)])

    assert figures(given)[f"faithfulness_answered[{judge.name}]"] > 0.9, "the answers are quotations"
    assert own.scores.counts["n_without_gold"] == 0
    assert own.scores.counts["n_supported"] / own.scores.counts["n_statements"] > by_others + 0.5
    assert f"factual_precision[{judge.name}]" in load_run(path).metrics.metrics
