"""NLI4CT (SemEval-2023 task 7): statements on one or two breast-cancer trials, entailed or contradicted.

A statement is judged by one section of the trial's record (Intervention, Eligibility, Results, Adverse Events), and
the official evidence is a list of line numbers of that section.
"""

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ragqa.errors import SourceError, nearest
from ragqa.evaluate.tasks.claims.pair import claim_question, claim_task
from ragqa.evaluate.tasks.evidence import CONTRADICTS, SUPPORTS, GoldEvidence, Place
from ragqa.evaluate.tasks.formats.read import listed, read_json, read_json_lines, string
from ragqa.evaluate.tasks.formats.splits import chosen_setting, split_file
from ragqa.evaluate.tasks.task import Task, TaskQuestion
from ragqa.types import Document, Section

NAME = "nli4ct"
SETTINGS = ("section", "evidence")
SECTIONS = ("Intervention", "Eligibility", "Results", "Adverse Events")
LABELS = {"Entailment": SUPPORTS, "Contradiction": CONTRADICTS}

Trials = Mapping[str, Mapping[str, Any]]


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read NLI4CT.

    Parameters
    ----------
    data
        The folder with ``train.json``, ``dev.json`` or ``test.json``, or one of these files. The trials stand beside
        it: the official folder ``CT json`` with a file a trial, or ``trials.jsonl`` (or ``.gz``) with a line a trial.
    split
        ``dev`` (default), ``train`` or ``test``.
    setting
        ``section`` (default): the whole section that the statement is about. ``evidence``: only the lines that the
        annotators marked.

    Raises
    ------
    UsageError
        No data, or an unknown split or setting, was given.
    SourceError
        A file is missing or malformed, or a statement's trial or line is not there.
    """
    path, split = split_file(NAME, data, split, ("{split}.json",))
    setting = chosen_setting(NAME, setting, SETTINGS)
    rows = read_json(path)
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        raise SourceError(f"{path}: an object of statements by id is expected; give NLI4CT's own file")
    trials = _trials(path.parent)
    questions = [_question(key, row, trials, setting, f"{path}, statement {key}") for key, row in rows.items()]
    return (claim_task(NAME, questions, (SUPPORTS, CONTRADICTS), split, setting, origin=str(path)),)


def _trials(folder: Path) -> Trials:
    for name in ("trials.jsonl.gz", "trials.jsonl"):
        if (folder / name).is_file():
            rows = _packed_rows(folder / name) if name.endswith(".gz") else list(read_json_lines(folder / name))
            return {string(row, "Clinical Trial ID", f"{folder / name}, line {n}"): row for n, row in rows}
    for name in ("CT json", "CT_json"):
        if (folder / name).is_dir():
            return {path.stem: read_json(path) for path in sorted((folder / name).glob("NCT*.json"))}
    raise SourceError(
        f"{folder} holds no trials; put the official folder 'CT json', or trials.jsonl, beside the statements"
    )


def _packed_rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        with gzip.open(path, "rb") as file:
            return [
                (n, msgspec.json.decode(line, type=dict[str, Any])) for n, line in enumerate(file, 1) if line.strip()
            ]
    except (OSError, EOFError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} is no gzip file of JSON lines, or is cut off: {error}; fetch it again") from error


def _question(key: str, row: Mapping[str, Any], trials: Trials, setting: str, where: str) -> TaskQuestion:
    fields = dict(row)
    told, section = string(fields, "Label", where), string(fields, "Section_id", where)
    if told not in LABELS:
        raise SourceError(f"{where}: the label is {told!r}; {nearest(told, LABELS)}")
    if section not in SECTIONS:
        raise SourceError(f"{where}: the section is {section!r}; {nearest(section, SECTIONS)}")
    documents, rationale, lines = [], [], []
    for which in ("Primary", "Secondary"):
        if which == "Secondary" and not fields.get("Secondary_id"):
            continue
        trial_id = string(fields, f"{which}_id", where)
        if trial_id not in trials:
            raise SourceError(f"{where}: the trial {trial_id} is not among the {len(trials)} trials; fetch all of them")
        texts = _lines(trials[trial_id], section, f"{where}, trial {trial_id}")
        marked = _numbers(fields.get(f"{which}_evidence_index", []), len(texts), f"{where}, {which}_evidence_index")
        document, places = _document(trial_id, section, texts, marked if setting == "evidence" else range(len(texts)))
        documents.append(document)
        lines += list(places.values())
        rationale += [places[number] for number in marked]
    # In a comparison both trials' lines prove the statement together.
    evidence = (GoldEvidence(documents[0].id, LABELS[told], (tuple(rationale),)),) if rationale else ()
    return claim_question(
        key,
        string(fields, "Statement", where),
        LABELS[told],
        tuple(documents),
        subset=f"{fields.get('Type', '')} {section}".strip(),
        evidence=evidence,
        sentences=tuple(lines),
    )


def _lines(trial: Mapping[str, Any], section: str, where: str) -> list[str]:
    texts = trial.get(section)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise SourceError(f"{where}: the section {section!r} must be a list of lines; fetch the trials again")
    return texts


def _numbers(value: Any, n_lines: int, where: str) -> list[int]:
    if not isinstance(value, list) or not all(isinstance(number, int) for number in value):
        raise SourceError(f"{where} must be a list of line numbers; it is {str(value)[:60]!r}")
    outside = [str(number) for number in value if not 0 <= number < n_lines]
    if outside:
        raise SourceError(f"{where}: there is no line {listed(outside)}; the section has the lines 0 to {n_lines - 1}")
    return value


def _document(
    trial_id: str, section: str, texts: Sequence[str], kept: Sequence[int]
) -> tuple[Document, dict[int, Place]]:
    places, begin = {}, 0
    for number in kept:
        places[number] = Place(trial_id, "abstract", begin, begin + len(texts[number]))
        begin += len(texts[number]) + 1
    text = "\n".join(texts[number] for number in kept)
    return Document(trial_id, (Section("abstract", text, section.upper()),)), places
