"""COVID-Fact: claims of a forum on COVID-19 and their automatic counter-claims, each with five sentences or so."""

from pathlib import Path
from typing import Any

from ragqa.errors import SourceError, UsageError, nearest
from ragqa.evaluate.tasks.claims.pair import claim_question, claim_task
from ragqa.evaluate.tasks.evidence import CONTRADICTS, SUPPORTS, joined_sentences
from ragqa.evaluate.tasks.formats.read import read_json_lines, string
from ragqa.evaluate.tasks.formats.splits import chosen_setting, split_file
from ragqa.evaluate.tasks.task import Task, TaskQuestion
from ragqa.types import Document

NAME = "covid-fact"
SETTINGS = ("evidence",)
LABELS = {"SUPPORTED": SUPPORTS, "REFUTED": CONTRADICTS}


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read COVID-Fact.

    Parameters
    ----------
    data
        ``COVIDFACT_dataset.jsonl`` or its folder.
    split
        None: the file has no splits.
    setting
        ``evidence``, the only one: the claim with the evidence that belongs to it.

    Raises
    ------
    UsageError
        No data, a split, or an unknown setting was given.
    SourceError
        The file is missing or malformed.
    """
    if split:
        raise UsageError(f"the task {NAME!r} has no splits; leave --split out (it is {split!r})")
    path, _ = split_file(NAME, data, "dev", ("COVIDFACT_dataset.jsonl",))
    setting = chosen_setting(NAME, setting, SETTINGS)
    questions = [_question(number, row, f"{path}, line {number}") for number, row in read_json_lines(path)]
    labels: tuple[str, ...] = (SUPPORTS, CONTRADICTS)
    scorers: tuple[str, ...] = ("labels", "calibration")
    return (claim_task(NAME, questions, labels, "", setting, origin=str(path), scorers=scorers),)


def _question(number: int, row: dict[str, Any], where: str) -> TaskQuestion:
    told, sentences = string(row, "label", where), row.get("evidence")
    if told not in LABELS:
        raise SourceError(f"{where}: the label is {told!r}; {nearest(told, LABELS)}")
    if not isinstance(sentences, list) or not all(isinstance(sentence, str) for sentence in sentences):
        raise SourceError(f"{where}: 'evidence' must be a list of sentences; it is {str(sentences)[:60]!r}")
    claim_id = str(number)  # the file gives none
    section, _ = joined_sentences(claim_id, [sentence.strip() for sentence in sentences if sentence.strip()])
    if not section.text:
        raise SourceError(f"{where}: 'evidence' has no sentence; leave the line out or fetch the file again")
    return claim_question(claim_id, string(row, "claim", where), LABELS[told], (Document(claim_id, (section,)),))
