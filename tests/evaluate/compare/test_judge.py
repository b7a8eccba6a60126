"""A judge beside people: kappa, area under the curve, and what is said where neither is defined."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from ragqa.cli import run
from ragqa.errors import UsageError
from ragqa.evaluate.compare.judge import judge_agreement, kappa_of
from ragqa.evaluate.measures.entailment import entailment_model
from ragqa.evaluate.tasks.registry import load_tasks

EVIDENCE = "We randomised 200 patients. Statins reduced the risk of stroke (RR 0.75, 95% CI 0.6 to 0.9)."
CLAIMS = [
    ("Statins reduced the risk of stroke.", "Supports"),
    ("Statins increased the risk of stroke.", "Refutes"),
    ("Statins raised the risk of stroke.", "Refutes"),
    ("Honey bees dance to tell each other where flowers are.", "Neutral"),
]


@pytest.fixture
def healthver(tmp_path):
    with (tmp_path / "healthver_dev.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "evidence", "claim", "label"])
        writer.writerows([number, EVIDENCE, claim, label] for number, (claim, label) in enumerate(CLAIMS))
    return tmp_path


class Ungraded:
    """A judge of a package of one's own that tells no strengths and calls all supported."""

    name = "always"

    def entails(self, pairs):
        return [True] * len(pairs)


def test_the_reader_agrees_with_people_where_shared_words_cannot(healthver):
    (task,) = load_tasks("healthver", healthver)

    reader = judge_agreement(entailment_model("reader"), task)
    words = judge_agreement(entailment_model("word-overlap"), task)

    assert reader.judge.startswith("reader@")
    assert reader.confusion == {"both": 1, "judge": 0, "people": 0, "none": 3}
    assert (reader.kappa.value, reader.auc) == (pytest.approx(1.0), 1.0)
    assert words.confusion["judge"] == 2
    assert words.kappa.value == pytest.approx(cohen_kappa_score([1, 0, 0, 0], [1, 1, 1, 0]))
    assert words.auc == pytest.approx(roc_auc_score([1, 0, 0, 0], [1.0, 0.8, 0.8, 0.0]))
    assert reader.auc_interval[0] < 0.9 < reader.auc_interval[1] == 1.0, "four claims make nothing certain"


def test_a_judge_without_strengths_has_no_auc_and_agrees_by_chance_alone(healthver):
    (task,) = load_tasks("healthver", healthver)

    found = judge_agreement(Ungraded(), task)

    assert (found.auc, found.auc_interval) == (None, None)
    assert found.kappa.value == 0


def test_kappa_is_undefined_where_chance_alone_agrees_fully(healthver):
    (task,) = load_tasks("healthver", healthver)

    assert judge_agreement(Ungraded(), task, limit=1).kappa is None


def test_a_limit_that_leaves_nothing_is_refused(healthver):
    (task,) = load_tasks("healthver", healthver)

    with pytest.raises(UsageError, match="the limit is 0"):
        judge_agreement(Ungraded(), task, limit=0)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=40))
def test_kappa_is_that_of_scikit_learn(pairs):
    a, b = np.array(pairs).T
    if len({*a.tolist(), *b.tolist()}) < 2:
        return
    shares = np.array([(a & b).mean(), (a & ~b).mean(), (~a & b).mean(), (~a & ~b).mean()])

    assert float(kappa_of(shares)) == pytest.approx(cohen_kappa_score(a, b))


def test_the_command_names_the_judge(healthver, capsys):
    assert run(["eval", "judge", "healthver", "--data", str(healthver), "--judge", "word-overlap"]) == 0
    assert "Judge: lexical-overlap@0.7. Of 4 claims" in capsys.readouterr().out
    assert run(["eval", "judge", "healthver", "--data", str(healthver), "--judge", "word-overlap", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["confusion"] == {"both": 1, "judge": 2, "people": 0, "none": 1}


def test_a_language_model_is_set_beside_people_and_what_it_does_not_say_is_told(healthver, judge_server, capsys):
    replies = {"Honey": "Hm.", "Statins reduced the": "yes"}
    judge_server.reply = lambda prompt: next((replies[key] for key in replies if key in said(prompt)), "no")
    command = ["eval", "judge", "healthver", "--data", str(healthver), *judge_server.options]

    assert run(command) == 0
    text = capsys.readouterr().out
    assert "Judge: small/judge@" in text
    assert "Note: 1 claims have no judgement and count as not supported; the first: the judge's reply is not" in text
    assert run([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["confusion"] == {"both": 1, "judge": 0, "people": 0, "none": 3}
    assert (told["auc"], told["n_unjudged"]) == (1.0, 1)


def said(prompt):
    return prompt.split("<statement>")[1].split("</statement>")[0]


def test_a_judge_that_never_says_anything_is_no_judge(healthver, judge_server, capsys):
    judge_server.reply = lambda prompt: "Hm."

    assert run(["eval", "judge", "healthver", "--data", str(healthver), *judge_server.options]) == 1
    assert "has no judgement of any of 4 claims" in capsys.readouterr().err


def test_a_task_without_labelled_claims_is_refused(capsys):
    assert run(["eval", "judge", "sample", "--judge", "word-overlap"]) == 2
    assert "no labelled claims with their evidence" in capsys.readouterr().err
