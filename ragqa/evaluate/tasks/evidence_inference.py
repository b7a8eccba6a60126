"""Evidence Inference 2.0: what a trial found on an intervention, a comparator and an outcome, and where it says so."""

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ragqa.corpus.text import named_abstract_sections
from ragqa.errors import SourceError, nearest
from ragqa.evaluate.tasks.evidence import (
    DECREASED,
    EFFECT_LABELS,
    INCREASED,
    NO_DIFFERENCE,
    GoldEvidence,
    Place,
    joined_sentences,
    sentence_places,
)
from ragqa.evaluate.tasks.formats.evidence_inference import PROMPTS, is_published, read_published
from ragqa.evaluate.tasks.formats.read import read_json_lines, string
from ragqa.evaluate.tasks.formats.splits import chosen_setting, split_file
from ragqa.evaluate.tasks.task import Task, TaskQuestion, checked
from ragqa.types import Document, Section, TrialQuestion

NAME = "evidence-inference"
SETTINGS = ("abstract", "evidence")
LABELS = {
    "significantly increased": INCREASED,
    "significantly decreased": DECREASED,
    "no significant difference": NO_DIFFERENCE,
}
_ABSTRACTS = ("abstracts.jsonl.gz", "abstracts.jsonl")


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read Evidence Inference.

    Parameters
    ----------
    data
        The authors' folder, with ``prompts_merged.csv``, ``annotations_merged.csv``, ``splits`` and ``txt_files``.
        Or a folder with ``prompts-train.jsonl``, ``prompts-validation.jsonl`` (and ``-test``), or one of these
        files, and ``abstracts.jsonl`` (or ``.gz``) beside it.
    split
        ``validation`` (default), ``train`` or ``test``.
    setting
        ``abstract`` (default): the abstract is given, for those prompts whose evidence stands in it.
        ``evidence``: what the annotators marked is given, wherever in the article it stands, for every prompt.

    Raises
    ------
    UsageError
        No data, or an unknown split or setting, was given.
    SourceError
        A file is missing or malformed, or a prompt's evidence does not stand where it should.
    """
    setting = chosen_setting(NAME, setting, SETTINGS)
    if data is not None and is_published(data):
        split = split or "validation"
        published = read_published(data, split)
        origin, rows, counts = data / PROMPTS, published.rows, dict(published.counts)
        abstracts = published.abstracts
    else:
        origin, split = split_file(NAME, data, split, ("prompts-{split}.jsonl",), default="validation")
        rows, counts = tuple(read_json_lines(origin)), {}
        abstracts = _read_abstracts(origin.parent) if setting == "abstract" else {}
    read = [_question(row, abstracts, setting, f"{origin}, line {number}") for number, row in rows]
    questions = [question for question in read if question is not None]
    told = {f"n_{label.replace(' ', '_')}": sum(q.label == label for q in questions) for label in EFFECT_LABELS}
    task = Task(
        name=NAME,
        split=split,
        setting=setting,
        questions=tuple(questions),
        scorers=("labels", "calibration", "rationale"),
        primary="macro_f1",
        asserts=True,
        labels=EFFECT_LABELS,
        counts={
            "n_questions": len(questions),
            "n_without_evidence_given": len(read) - len(questions),
            **counts,
            **told,
        },
    )
    return (checked(task, str(origin)),)


def _read_abstracts(folder: Path) -> dict[str, Document]:
    path = next((folder / name for name in _ABSTRACTS if (folder / name).is_file()), None)
    if path is None:
        raise SourceError(f"{folder} holds no {' or '.join(_ABSTRACTS)}; put the abstracts beside the prompts")
    documents: dict[str, Document] = {}
    for number, row in _rows(path):
        where = f"{path}, line {number}"
        article, parts = string(row, "pmcid", where), row.get("sections")
        if not isinstance(parts, list) or not all(
            isinstance(part, dict) and isinstance(part.get("text"), str) for part in parts
        ):
            raise SourceError(f"{where}: 'sections' must be a list of objects with 'label' and 'text'")
        if article in documents:
            raise SourceError(f"{where}: the article {article} is there twice; keep one of the two")
        sections = named_abstract_sections([(part["text"], str(part.get("label", "")), "") for part in parts])
        documents[article] = Document(article, (Section("title", str(row.get("title", ""))), *sections))
    return documents


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix != ".gz":
        yield from read_json_lines(path)
        return
    try:
        with gzip.open(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, msgspec.json.decode(line, type=dict[str, Any])
    except (OSError, EOFError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} is no gzip file of JSON lines, or is cut off: {error}; fetch it again") from error


def _question(row: dict[str, Any], abstracts: Mapping[str, Document], setting: str, where: str) -> TaskQuestion | None:
    told, article = string(row, "label", where), string(row, "pmcid", where)
    if told not in LABELS:
        raise SourceError(f"{where}: the label is {told!r}; {nearest(told, LABELS)}")
    marked = row.get("evidence")
    if not isinstance(marked, list) or not all(
        isinstance(one, dict) and isinstance(one.get("text"), str) for one in marked
    ):
        raise SourceError(f"{where}: 'evidence' must be a list of objects with 'text' and 'in_abstract'")
    if setting == "evidence":
        texts = [one["text"].strip() for one in marked if one["text"].strip()]
        section, places = joined_sentences(article, list(dict.fromkeys(texts)))
        document, rationales = Document(article, (section,)), tuple((place,) for place in places)
    else:
        inside = [one["text"] for one in marked if one.get("in_abstract")]
        if not inside:
            return None
        if article not in abstracts:
            raise SourceError(f"{where}: the abstract of {article} is missing; fetch the abstracts again")
        document = abstracts[article]
        rationales = tuple((_find(document, text, where),) for text in dict.fromkeys(inside))
    if not rationales:
        return None
    trial = TrialQuestion(
        *(" ".join(string(row, key, where).split()) for key in ("intervention", "comparator", "outcome"))
    )
    return TaskQuestion(
        id=string(row, "prompt_id", where),
        text=f"What is the effect of {trial.intervention}, compared with {trial.comparator}, on {trial.outcome}?",
        label=LABELS[told],
        documents=(document,),
        trial=trial,
        evidence=(GoldEvidence(article, LABELS[told], rationales),),
        sentences=sentence_places(document),
        source_ids=(article,),
    )


def _find(document: Document, text: str, where: str) -> Place:
    for section in document.sections:
        begin = section.text.find(text)
        if begin >= 0:
            return Place(document.id, section.name, begin, begin + len(text))
    raise SourceError(f"{where}: the evidence {text[:60]!r} does not stand in the abstract of {document.id}")
