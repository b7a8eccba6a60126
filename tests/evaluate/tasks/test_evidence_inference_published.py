"""Evidence Inference in its authors' own form: places that are a little off, labels that differ, what is left out."""

import csv

import pytest

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.tasks.registry import load_tasks

ARTICLE = """TITLE: 
A trial of A
and B



ABSTRACT.METHODS::
We gave A or B to 40 people.

ABSTRACT.RESULTS::
Pain fell with A (p = 0.01). Sleep did not differ.

BODY.RESULTS:
Nausea was more frequent with A
12
3
p < 0.05
"""  # noqa: W291
PROMPTS = [
    {"PromptID": "7", "PMCID": "11", "Outcome": "Pain", "Intervention": "A", "Comparator": "B"},
    {"PromptID": "8", "PMCID": "11", "Outcome": "Nausea", "Intervention": "A", "Comparator": "B"},
    {"PromptID": "9", "PMCID": "12", "Outcome": "Pain", "Intervention": "A", "Comparator": "B"},
]


def annotation(prompt, text, code, begin=None, **changes):
    place = ARTICLE.index(text) if begin is None else begin
    return {
        **{"UserID": "0", "PromptID": prompt, "PMCID": "11", "Valid Label": "True", "Valid Reasoning": "True"},
        **{"Label": "significantly decrease", "Annotations": text, "Label Code": code, "In Abstract": "UNK"},
        **{"Evidence Start": str(place), "Evidence End": str(place + len(text))},
        **changes,
    }


ANNOTATIONS = [
    annotation("7", "Pain fell with A (p = 0.01).", "-1"),
    annotation("8", "Nausea was more frequent with A\n12\n3\np < 0.05", "1"),
]


@pytest.fixture
def folder(tmp_path):
    def write(prompts=PROMPTS, annotations=ANNOTATIONS, article=ARTICLE):
        for name, rows in (("prompts_merged.csv", prompts), ("annotations_merged.csv", annotations)):
            with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, list(rows[0]))
                table.writeheader()
                table.writerows(rows)
        for split, ids in (("validation", "11"), ("train", "12")):
            (tmp_path / "splits").mkdir(exist_ok=True)
            (tmp_path / "splits" / f"{split}_article_ids.txt").write_text(ids)
        (tmp_path / "txt_files").mkdir(exist_ok=True)
        (tmp_path / "txt_files" / "PMC11.txt").write_text(article, encoding="utf-8")
        return tmp_path

    return write


def evidence(question):
    sections = {section.name: section.text for document in question.documents for section in document.sections}
    return [
        sections[place.section][place.begin : place.end] for gold in question.evidence for (place,) in gold.rationales
    ]


def test_the_abstract_is_given_where_the_evidence_stands_in_it(folder):
    (task,) = load_tasks("evidence-inference", folder())
    (question,) = task.questions
    assert (question.id, question.label, task.split) == ("7", "decreased", "validation")
    assert evidence(question) == ["Pain fell with A (p = 0.01)."]
    sections = question.documents[0].sections
    assert [(section.name, section.label) for section in sections] == [
        ("title", ""), ("abstract.0", "METHODS"), ("abstract.1", "RESULTS"),
    ]  # fmt: skip
    assert sections[0].text == "A trial of A and B"
    assert task.counts["n_without_evidence_given"] == 1


def test_the_marked_words_alone_serve_every_prompt_and_every_line_end(folder):
    path = folder(article=ARTICLE.replace("\n", "\r\n"))
    (task,) = load_tasks("evidence-inference", path, setting="evidence")
    assert [question.label for question in task.questions] == ["decreased", "increased"]
    assert evidence(task.questions[1]) == ["Nausea was more frequent with A 12 3 p < 0.05"]


@pytest.mark.parametrize("begin", [-1, 3, 10**6])
def test_words_are_found_where_the_offsets_are_wrong(folder, begin):
    (task,) = load_tasks("evidence-inference", folder(annotations=[annotation("7", "Pain fell with A", "-1", begin)]))
    assert evidence(task.questions[0]) == ["Pain fell with A"]


def test_words_that_stand_nowhere_are_taken_from_their_offsets(folder):
    place = ARTICLE.index("Sleep did not differ.")
    changed = annotation("7", "Sleep did  not differ", "0", place)
    (task,) = load_tasks("evidence-inference", folder(annotations=[changed | {"Evidence End": str(place + 21)}]))
    assert evidence(task.questions[0]) == ["Sleep did not differ."]


def test_evidence_over_two_sections_is_two_places(folder):
    text = ARTICLE[ARTICLE.index("40 people") : ARTICLE.index(" Sleep")]
    (task,) = load_tasks("evidence-inference", folder(annotations=[annotation("7", text, "-1")]))
    assert evidence(task.questions[0]) == ["40 people.", "Pain fell with A (p = 0.01)."]


def test_annotators_that_disagree_are_counted_and_the_majority_tells_the_label(folder):
    votes = [annotation("7", "Sleep did not differ.", "0"), *[annotation("7", "Pain fell with A", "-1")] * 2]
    (task,) = load_tasks("evidence-inference", folder(annotations=votes))
    assert task.questions[0].label == "decreased"
    assert evidence(task.questions[0]) == ["Pain fell with A"]
    assert task.counts["n_annotators_disagree"] == 1


def test_rejected_and_flagged_prompts_are_left_out_and_counted(folder):
    prompts = [*PROMPTS, {**PROMPTS[0], "PromptID": "911"}]
    rejected = annotation("8", "Nausea was more frequent with A", "1", **{"Valid Label": "False"})
    path = folder(prompts, [ANNOTATIONS[0], rejected, annotation("911", "Pain fell with A", "-1")])
    (task,) = load_tasks("evidence-inference", path)
    assert [question.id for question in task.questions] == ["7"]
    assert (task.counts["n_flagged_incorrect"], task.counts["n_without_valid_annotation"]) == (1, 1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"prompts": [PROMPTS[0], PROMPTS[0]]}, r"prompts_merged\.csv, line 3: the prompt 7 is there twice"),
        ({"annotations": [annotation("7", "Pain fell", "2")]}, r"line 2: the label code is '2'"),
        ({"annotations": [annotation("7", "Pain fell", "1", **{"Valid Label": "maybe"})]}, "'Valid Label' is 'maybe'"),
        (
            {"annotations": [annotation("7", "Pain fell", "1", **{"Evidence End": "x"})]},
            "'Evidence End' must be a whole",
        ),
        ({"annotations": [{"PromptID": "7"}]}, "column 'PMCID' is missing"),
        ({"article": "Pain fell."}, r"PMC11\.txt holds no line 'TITLE:'"),
        ({"article": " "}, r"PMC11\.txt is empty"),
    ],
)
def test_what_does_not_fit_is_refused(folder, changed, message):
    with pytest.raises(SourceError, match=message):
        load_tasks("evidence-inference", folder(**changed))


def test_missing_parts_are_named(folder):
    path = folder()
    with pytest.raises(UsageError, match="no split 'test'"):
        load_tasks("evidence-inference", path, "test")
    (path / "txt_files" / "PMC11.txt").unlink()
    with pytest.raises(SourceError, match=r"PMC11\.txt is missing; unpack the whole archive"):
        load_tasks("evidence-inference", path)
    (path / "splits" / "validation_article_ids.txt").write_text("11\nPMC 12")
    with pytest.raises(SourceError, match=r"line 2: 'PMC 12' is no number"):
        load_tasks("evidence-inference", path)
