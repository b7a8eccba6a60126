"""HealthVer: claims about COVID-19 from the web, each with a sentence or more of a scientific article."""

from pathlib import Path

from ragqa.errors import SourceError, nearest
from ragqa.evaluate.tasks.claims.pair import claim_question, claim_task
from ragqa.evaluate.tasks.evidence import CLAIM_LABELS, CONTRADICTS, NEITHER, SUPPORTS
from ragqa.evaluate.tasks.formats.read import string
from ragqa.evaluate.tasks.formats.splits import chosen_setting, split_file
from ragqa.evaluate.tasks.formats.table import read_table
from ragqa.evaluate.tasks.task import Task
from ragqa.types import Document, Section

NAME = "healthver"
SETTINGS = ("evidence",)
LABELS = {"supports": SUPPORTS, "refutes": CONTRADICTS, "neutral": NEITHER}


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read HealthVer.

    Parameters
    ----------
    data
        ``healthver_train.csv``, ``healthver_dev.csv`` or ``healthver_test.csv``, or their folder.
    split
        ``dev`` (default), ``train`` or ``test``.
    setting
        ``evidence``, the only one: the claim with the evidence that belongs to it.

    Raises
    ------
    UsageError
        No data, or an unknown split or setting, was given.
    SourceError
        The file is missing or malformed.
    """
    path, split = split_file(NAME, data, split, ("healthver_{split}.csv",))
    setting = chosen_setting(NAME, setting, SETTINGS)
    questions = []
    for number, row in read_table(path, ("id", "evidence", "claim", "label")):
        where = f"{path}, line {number}"
        label = LABELS.get(row["label"].strip().lower())
        if label is None:
            raise SourceError(f"{where}: the label is {row['label']!r}; {nearest(row['label'], LABELS)}")
        claim_id, evidence = string(row, "id", where), string(row, "evidence", where)
        document = Document(id=claim_id, sections=(Section("abstract", evidence.strip()),))
        topic = row.get("topic_ip", "").strip()
        questions.append(claim_question(claim_id, string(row, "claim", where), label, (document,), subset=topic))
    scorers: tuple[str, ...] = ("labels", "calibration")
    return (claim_task(NAME, questions, CLAIM_LABELS, split, setting, origin=str(path), scorers=scorers),)
