"""The same questions put otherwise, and what that changes."""

import json
from dataclasses import replace

import pytest

from ragqa.errors import UsageError
from ragqa.evaluate.compare.robustness import robustness
from ragqa.evaluate.runs.load import load_run
from ragqa.evaluate.runs.repeats import run_repeats
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
from ragqa.evaluate.runs.task import given_documents, read_task
from ragqa.evaluate.tasks.perturbed import LONG_FORMS, PERTURBATIONS, perturbed
from ragqa.evaluate.tasks.registry import load_tasks

ROWS = [
    ("Statins prevent delirium in the ICU.", "Statins prevent delirium in the ICU.", "SUPPORTED"),
    ("Masks increase infection.", "Masks did not increase infection.", "REFUTED"),
    ("Zinc shortens ordinary colds.", "Zinc shortens ordinary colds in adults.", "SUPPORTED"),
    ("Vitamins prevent atrial fibrillation.", "No vitamins prevent atrial fibrillation.", "REFUTED"),
]


@pytest.fixture
def claims(tmp_path):
    rows = [{"claim": claim, "evidence": [text], "label": label} for claim, text, label in ROWS]
    path = tmp_path / "COVIDFACT_dataset.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def texts(task):
    return [question.text for question in task.questions]


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_perturbation_is_the_same_each_time_and_leaves_ids_and_gold(claims, name):
    (task,) = load_tasks("covid-fact", claims)
    one, two = perturbed(task, name), perturbed(task, name)
    assert one == two != task
    assert [(q.id, q.label) for q in one.questions] == [(q.id, q.label) for q in task.questions]
    assert one.counts["n_changed"] > 0


def test_what_the_rules_do(claims):
    (task,) = load_tasks("covid-fact", claims)
    assert texts(perturbed(task, "expand"))[0] == f"Statins prevent delirium in the {LONG_FORMS['ICU']}."
    assert texts(perturbed(task, "abbreviate"))[3] == "Vitamins prevent AF."
    assert texts(perturbed(task, "paraphrase"))[0] == "Statins avert delirium in the ICU."
    typed = texts(perturbed(task, "typos"))
    assert all(sorted(new) == sorted(old) and new != old for new, old in zip(typed, texts(task), strict=True))
    assert "ICU" in typed[0]
    assert all(new.endswith(old) for new, old in zip(texts(perturbed(task, "clause")), texts(task), strict=True))
    against = perturbed(task, "contradicting").questions
    assert against[0].documents[-1].sections[0].text == "It was refuted that statins prevent delirium in the ICU."
    assert against[1].documents[-1].sections[0].text == "It was confirmed that masks increase infection."
    assert perturbed(task, "irrelevant").questions[0].documents[-1].sections[0].text == ROWS[1][1]


def test_passages_join_the_contexts_of_a_question(real_data):
    (task,) = load_tasks("pubmedqa", real_data / "pubmedqa" / "ori_pqal.json")
    for name in ("irrelevant", "contradicting"):
        old, new = task.questions[0], perturbed(task, name).questions[0]
        (before,), (after,) = given_documents(old), given_documents(new)
        assert len(after.sections) >= len(before.sections)
        assert new.contexts[-1] in " ".join(section.text for section in after.sections)


def test_what_cannot_be_perturbed_is_refused(claims):
    (task,) = load_tasks("covid-fact", claims)
    with pytest.raises(UsageError, match="did you mean 'typos'"):
        perturbed(task, "typo")
    (sample,) = load_tasks("sample")
    with pytest.raises(UsageError, match="passages that are given"):
        perturbed(sample, "irrelevant")


def test_runs_are_tested_against_the_one_on_the_questions_as_they_are(claims, built_sample, monkeypatch, tmp_path):
    monkeypatch.setenv("RAGQA_HOME", str(built_sample))
    paths = {}
    for name in (None, "clause", "contradicting"):
        request = Request("covid-fact", claims, baseline="word-overlap", perturb=name, out=tmp_path / str(name))
        paths[name] = run(request)[0].path
    original = load_run(str(paths[None]))
    others = [load_run(str(paths[name])) for name in ("clause", "contradicting")]
    clause, against = robustness(original, others, "accuracy", n_resamples=200)
    assert (clause.perturbation, against.perturbation) == ("clause", "contradicting")
    assert clause.comparison.b == against.comparison.b == 1.0
    assert clause.comparison.difference.value == clause.comparison.a - 1.0
    assert clause.n_changed == clause.comparison.losses, "each answer that changed was right before"
    assert 0 <= against.changed_low <= against.n_changed / 4 <= against.changed_high <= 1
    with pytest.raises(UsageError, match="is not perturbed"):
        robustness(original, [original])
    with pytest.raises(UsageError, match="is perturbed itself"):
        robustness(others[0], others)
    other = Request("covid-fact", claims, baseline="never", perturb="clause", out=tmp_path / "never")
    with pytest.raises(UsageError, match="another system"):
        robustness(original, [load_run(str(run(other)[0].path))])


def test_rewritten_questions_are_a_perturbation_like_any_other(claims, built_sample, monkeypatch, tmp_path):
    monkeypatch.setenv("RAGQA_HOME", str(built_sample))
    (task,) = load_tasks("covid-fact", claims)
    denied = "It is untrue that vitamins prevent palpitations."
    path = tmp_path / "denied.jsonl"
    path.write_text(json.dumps({"id": task.questions[3].id, "original": task.questions[3].text, "text": denied}))
    request = Request("covid-fact", claims, baseline="word-overlap", out=tmp_path / "original")
    original = load_run(str(run(request)[0].path))
    changed = replace(request, perturb=str(path), out=tmp_path / "changed")
    (found,) = robustness(original, [load_run(str(run(changed)[0].path))], "accuracy", n_resamples=200)
    assert found.perturbation.startswith("denied (")
    repeats, _ = run_repeats(replace(changed, out=tmp_path / "repeats"), 2)
    assert read_task(repeats / "repeat-01").task.questions[3].text == denied
    path.write_text(path.read_text().replace("palpitations", "falls"))
    with pytest.raises(UsageError, match="perturbation"):
        run(changed)
