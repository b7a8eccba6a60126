"""The official files of claims and trials as they are, with their known sizes."""

from collections import Counter

import pytest

from ragqa.evaluate.runs.labelling import baseline
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.task import as_proposition, gold_labels


@pytest.mark.parametrize(
    ("name", "split", "setting", "labels"),
    [
        ("scifact-claims", "train", "abstract", {"supports": 370, "contradicts": 194, "neither": 355}),
        ("healthver", None, None, {"supports": 533, "contradicts": 391, "neither": 993}),
        ("nli4ct", "train", None, {"supports": 850, "contradicts": 850}),
        ("nli4ct", "dev", "evidence", {"supports": 100, "contradicts": 100}),
        ("evidence-inference", None, None, {"increased": 41, "decreased": 28, "no difference": 45}),
        ("evidence-inference", "train", "evidence", {"increased": 518, "decreased": 469, "no difference": 932}),
    ],
)
def test_labels_as_published(real_data, name, split, setting, labels):
    (task,) = load_tasks(name, real_data / name, split, setting)
    assert Counter(gold_labels(task).values()) == labels
    assert all(question.documents and question.documents[0].sections for question in task.questions)


def test_all_marked_evidence_of_the_trials_stands_where_it_is_said_to(real_data):
    (task,) = load_tasks("evidence-inference", real_data / "evidence-inference", "train")
    assert (len(task.questions), task.counts["n_without_evidence_given"]) == (888, 1036)


def test_word_overlap_beats_the_majority_on_claims(real_data):
    (task,) = load_tasks("scifact-claims", real_data / "scifact-claims")
    right = Counter()
    for name in ("majority", "word-overlap"):
        labeller = baseline(name, task)
        for question in task.questions:
            chances = labeller.label(as_proposition(task, question), question.documents).probabilities
            right[name] += max(chances, key=chances.get) == question.label
    assert right["word-overlap"] > 1.2 * right["majority"]
