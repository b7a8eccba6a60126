"""Evidence Inference's prompts and abstracts, and what is told when they do not fit."""

import gzip
import json

import pytest

from ragqa.errors import SourceError
from ragqa.evaluate.tasks.registry import load_tasks

ABSTRACT = {
    "pmcid": "PMC1", "title": "A trial", "sections": [
        {"label": "METHODS", "text": "We gave A or B."},
        {"label": "RESULTS", "text": "Pain fell with aspirin. Sleep did not differ."},
    ],
}  # fmt: skip
PROMPT = {
    "prompt_id": "7", "pmcid": "PMC1", "intervention": "A", "comparator": "B", "outcome": "pain",
    "label": "significantly decreased", "evidence": [{"text": "Pain fell with aspirin.", "in_abstract": True}],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    def write(prompts=(PROMPT,), abstracts=(ABSTRACT,)):
        (tmp_path / "prompts-validation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in prompts))
        with gzip.open(tmp_path / "abstracts.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in abstracts)
        return tmp_path

    return write


def test_the_abstract_with_the_place_of_the_evidence(folder):
    elsewhere = {**PROMPT, "prompt_id": "8", "evidence": [{"text": "Table 2", "in_abstract": False}]}
    (task,) = load_tasks("evidence-inference", folder([PROMPT, elsewhere]))
    (question,) = task.questions
    assert (question.label, task.counts["n_without_evidence_given"]) == ("decreased", 1)
    ((place,),) = question.evidence[0].rationales
    text = next(section.text for section in question.documents[0].sections if section.name == place.section)
    assert text[place.begin : place.end] == "Pain fell with aspirin."
    assert question.trial.outcome == "pain"
    assert len(question.sentences) == 3


def test_the_marked_evidence_alone_serves_every_prompt(folder):
    elsewhere = {**PROMPT, "prompt_id": "8", "evidence": [{"text": "Table 2", "in_abstract": False}]}
    (task,) = load_tasks("evidence-inference", folder([PROMPT, elsewhere]), setting="evidence")
    assert [question.documents[0].sections[0].text for question in task.questions] == [
        "Pain fell with aspirin.",
        "Table 2",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "decreased a lot"}, "line 1: the label is 'decreased a lot'"),
        ({"pmcid": "PMC2"}, "the abstract of PMC2 is missing"),
        ({"evidence": [{"text": "Not there.", "in_abstract": True}]}, "does not stand in the abstract of PMC1"),
        ({"evidence": "Pain fell"}, "'evidence' must be a list of objects"),
        ({"outcome": ""}, "'outcome' must be a non-empty text"),
    ],
)
def test_what_does_not_fit_is_refused(folder, change, message):
    with pytest.raises(SourceError, match=message):
        load_tasks("evidence-inference", folder([PROMPT | change]))


def test_twice_the_same_and_cut_off(folder):
    with pytest.raises(SourceError, match="1 question ids occur more than once"):
        load_tasks("evidence-inference", folder([PROMPT, PROMPT]))
    with pytest.raises(SourceError, match="line 2: the article PMC1 is there twice"):
        load_tasks("evidence-inference", folder(abstracts=[ABSTRACT, ABSTRACT]))
    path = folder() / "abstracts.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(SourceError, match="no gzip file of JSON lines, or is cut off"):
        load_tasks("evidence-inference", path.parent)
    path.unlink()
    with pytest.raises(SourceError, match="put the abstracts beside the prompts"):
        load_tasks("evidence-inference", path.parent)
