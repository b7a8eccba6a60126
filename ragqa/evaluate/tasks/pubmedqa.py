"""PubMedQA's expert-labelled questions (PQA-L): three settings, 10-fold development half and official test half.

The official split follows ``split_dataset.py`` of the PubMedQA repository: with Python's generator seeded by 0,
the questions of each label are shuffled and dealt to the halves, and then those of the development half to ten
folds. It needs all 1,000 questions in the order of the official file. From a file with the development half only,
the same dealing gives ten stratified folds that are not the official ones, and the task says so.
"""

import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ragqa.errors import SourceError, UsageError, nearest
from ragqa.evaluate.measures.labels import PUBMEDQA_LABELS
from ragqa.evaluate.tasks.formats.read import listed, read_json
from ragqa.evaluate.tasks.task import Task, TaskQuestion, checked

SETTINGS = ("reasoning-required", "reasoning-free", "question-only")
SPLITS = ("dev", "test", "all")
N_FOLDS = 10
N_ALL = 1000

Rows = Mapping[str, Mapping[str, Any]]


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read PQA-L.

    Parameters
    ----------
    data
        ``ori_pqal.json`` or another file of its format, or PubMedQA's ``data`` folder: its fold folders
        (``pqal_foldN/dev_set.json``) and ``test_set.json`` are used where they are there.
    split
        ``dev`` (default; each question has its fold), ``test`` or ``all``. A file without the whole 1,000
        questions is taken for the split that is asked for.
    setting
        ``reasoning-required`` (default): the abstract without its conclusion is given. ``reasoning-free``: the
        conclusion too. ``question-only``: nothing is given, the system retrieves; whether the source abstracts
        (``source_ids``) are in the corpus belongs beside the result.

    Raises
    ------
    UsageError
        No data, or an unknown split or setting, was given.
    SourceError
        A file is missing or malformed, or questions have no label.
    """
    if data is None:
        raise UsageError("the task 'pubmedqa' needs its data: --data ori_pqal.json, or PubMedQA's data folder")
    split, setting = split or "dev", setting or SETTINGS[0]
    if split not in SPLITS:
        raise UsageError(f"the task 'pubmedqa' has no split {split!r}; {nearest(split, SPLITS)}")
    if setting not in SETTINGS:
        raise UsageError(f"the task 'pubmedqa' has no setting {setting!r}; {nearest(setting, SETTINGS)}")
    rows, folds, notes = _rows(data, split)
    questions = tuple(_question(pmid, row, setting, folds.get(pmid)) for pmid, row in rows.items())
    task = Task(
        name="pubmedqa",
        split=split,
        setting=setting,
        questions=questions,
        scorers=("labels", "calibration", "selective"),
        primary="accuracy",
        labels=PUBMEDQA_LABELS,
        counts={
            "n_questions": len(questions),
            **{f"n_{label}": sum(question.label == label for question in questions) for label in PUBMEDQA_LABELS},
        },
        notes=notes,
    )
    return (checked(task, str(data)),)


def official_split(labels: Mapping[str, str]) -> tuple[list[list[str]], list[str]]:
    """PubMedQA's ten development folds and its test half.

    Parameters
    ----------
    labels
        PMID → label of all 1,000 questions in the order of the official file.
    """
    generator = random.Random(0)  # noqa: S311
    development, test = _deal(labels, list(labels), 2, generator)
    return _deal(labels, development, N_FOLDS, generator), test


def stratified_folds(labels: Mapping[str, str], n_folds: int = N_FOLDS) -> list[list[str]]:
    """Folds dealt in the official way from any set of questions; the same questions give the same folds."""
    return _deal(labels, list(labels), n_folds, random.Random(0))  # noqa: S311


def _deal(labels: Mapping[str, str], pmids: Sequence[str], n_parts: int, generator: random.Random) -> list[list[str]]:
    """Deal questions to parts, label by label, as ``split_dataset.py`` does."""
    by_label = []
    for label in PUBMEDQA_LABELS:
        shuffled = [pmid for pmid in pmids if labels[pmid] == label]
        generator.shuffle(shuffled)
        size = math.ceil(len(shuffled) / n_parts)
        ends = [(part + 1) * size for part in range(n_parts - 1)] + [len(shuffled)]
        by_label.append([shuffled[part * size : end] for part, end in enumerate(ends)])
    parts = [[pmid for label in by_label for pmid in label[part]] for part in range(n_parts)]
    if len(parts[-1]) != len(parts[0]):
        for part in filter(None, parts[:-1]):  # of a handful of questions some parts get none
            picked = generator.choice(part)
            part.remove(picked)
            parts[-1].append(picked)
    return parts


def _rows(data: Path, split: str) -> tuple[Rows, dict[str, int], tuple[str, ...]]:
    """The questions of the split, the fold of each, and notes on where both come from."""
    if not data.is_dir():
        return _rows_of_file(data, split)
    fold_files = [data / f"pqal_fold{fold}" / "dev_set.json" for fold in range(N_FOLDS)]
    if split == "dev" and all(path.is_file() for path in fold_files):
        return _official_folds(fold_files)
    if split == "test" and (data / "test_set.json").is_file():
        return _read(data / "test_set.json"), {}, ("official test set, as given",)
    return _rows_of_file(data / "ori_pqal.json", split)


def _rows_of_file(path: Path, split: str) -> tuple[Rows, dict[str, int], tuple[str, ...]]:
    rows = _read(path)
    labels = {pmid: str(row["final_decision"]) for pmid, row in rows.items()}
    if split == "all":
        return rows, {}, ()
    if len(rows) == N_ALL:
        folds, test = official_split(labels)
        _check_ground_truth(path.with_name("test_ground_truth.json"), test, labels)
        place = {pmid: fold for fold, members in enumerate(folds) for pmid in members}
        chosen = test if split == "test" else [pmid for pmid in rows if pmid in place]
        note = "split by the method of PubMedQA's split_dataset.py from all 1,000 questions"
        return {pmid: rows[pmid] for pmid in chosen}, place, (note,)
    if split == "test":
        return rows, {}, (f"the {len(rows)} questions of {path.name} are taken for the test set, as given",)
    place = {pmid: fold for fold, members in enumerate(stratified_folds(labels)) for pmid in members}
    note = (
        f"ten stratified folds of the {len(rows)} questions given; not PubMedQA's own folds, whose files are not there"
    )
    return rows, place, (note,)


def _official_folds(paths: Sequence[Path]) -> tuple[Rows, dict[str, int], tuple[str, ...]]:
    rows: dict[str, Mapping[str, Any]] = {}
    place: dict[str, int] = {}
    for fold, path in enumerate(paths):
        members = _read(path)
        twice = [pmid for pmid in members if pmid in place]
        if twice:
            raise SourceError(f"{path}: {len(twice)} questions are in another fold too ({listed(twice)})")
        rows.update(members)
        place.update(dict.fromkeys(members, fold))
    return rows, place, ("official folds, as given",)


def _check_ground_truth(path: Path, test: Sequence[str], labels: Mapping[str, str]) -> None:
    if not path.is_file():
        return
    truth = read_json(path)
    if not isinstance(truth, dict) or truth != {pmid: labels[pmid] for pmid in test}:
        raise SourceError(
            f"{path} does not agree with the split of the questions beside it; take both files from one version of"
            " PubMedQA's repository"
        )


def _read(path: Path) -> Rows:
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise SourceError(f"{path} is not a JSON object of PMID and question; PubMedQA's ori_pqal.json is expected")
    wrong = [pmid for pmid, row in content.items() if not _is_question(row)]
    if wrong:
        raise SourceError(
            f"{path}: {len(wrong)} of {len(content)} questions lack QUESTION, CONTEXTS or LONG_ANSWER ({listed(wrong)})"
        )
    unlabelled = [pmid for pmid, row in content.items() if row.get("final_decision") not in PUBMEDQA_LABELS]
    if unlabelled:
        raise SourceError(
            f"{path}: {len(unlabelled)} of {len(content)} questions have no label yes, no or maybe in final_decision"
            f" ({listed(unlabelled)}); unlabelled sets (PQA-U) cannot be scored"
        )
    return content


def _is_question(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("QUESTION"), str)
        and isinstance(row.get("CONTEXTS"), list)
        and isinstance(row.get("LONG_ANSWER"), str)
    )


def _question(pmid: str, row: Mapping[str, Any], setting: str, fold: int | None) -> TaskQuestion:
    contexts, headings = tuple(row["CONTEXTS"]), tuple(row.get("LABELS") or ())
    if len(headings) != len(contexts):
        headings = ("",) * len(contexts)
    if setting == "reasoning-free":
        contexts, headings = (*contexts, row["LONG_ANSWER"]), (*headings, "CONCLUSION")
    elif setting == "question-only":
        contexts, headings = (), ()
    return TaskQuestion(
        id=pmid,
        text=row["QUESTION"],
        type="yesno",
        label=row["final_decision"],
        ideal_answers=(row["LONG_ANSWER"],),
        contexts=contexts,
        context_labels=headings,
        fold=fold,
        source_ids=(pmid,),
    )
