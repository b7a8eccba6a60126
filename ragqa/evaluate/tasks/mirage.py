"""MIRAGE: multiple-choice questions of five sets in one benchmark.json; the options are never part of the query."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragqa.errors import SourceError, UsageError, nearest
from ragqa.evaluate.measures.choices import MIRAGE_SETS
from ragqa.evaluate.tasks.formats.read import listed, read_json
from ragqa.evaluate.tasks.task import Task, TaskQuestion, checked

SIZES = {"mmlu": 1089, "medqa": 1273, "medmcqa": 4183, "pubmedqa": 500, "bioasq": 618}
SEPARATOR = ":"
"""Between the set and the set's own question id in :attr:`TaskQuestion.id`."""


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read benchmark.json.

    Parameters
    ----------
    data
        The file, or the folder that has it.
    split
        One set (``medqa`` …); all that are there by default.
    setting
        There is none but MIRAGE's own: zero-shot, question-only retrieval.

    Returns
    -------
    tuple of Task
        One task; each question's ``subset`` is its set, its id ``SET:ID`` and its label the letter. A note names
        sets that are missing or have another size than the published one.

    Raises
    ------
    UsageError
        No data, an unknown set or a setting was given.
    SourceError
        The file is missing or malformed, or questions have no right option.
    """
    if data is None:
        raise UsageError("the task 'mirage' needs its data: --data benchmark.json (eval/tasks/mirage.toml says whence)")
    if setting:
        raise UsageError(f"the task 'mirage' has no setting {setting!r}; leave --setting out")
    path = data / "benchmark.json" if data.is_dir() else data
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(rows, dict) for rows in content.values()):
        raise SourceError(f"{path} is not a JSON object of sets; MIRAGE's benchmark.json is expected")
    if split and split not in content:
        raise UsageError(f"{path} has no set {split!r}; {nearest(split, content)}")
    names = [split] if split else [*(n for n in MIRAGE_SETS if n in content), *sorted(set(content) - set(MIRAGE_SETS))]
    questions, wrong = [], []
    for name in names:
        for question_id, row in content[name].items():
            if _is_question(row):
                questions.append(_question(name, question_id, row))
            else:
                wrong.append(f"{name}{SEPARATOR}{question_id}")
    if wrong:
        raise SourceError(f"{path}: {len(wrong)} questions lack a text, options or a right option ({listed(wrong)})")
    task = Task(
        name="mirage",
        split=split or "",
        questions=tuple(questions),
        scorers=("choices",),
        primary="mean_accuracy",
        counts={"n_questions": len(questions), **{f"n_{name}": len(content[name]) for name in names}},
        notes=_notes(content, names, split),
    )
    return (checked(task, str(path)),)


def _is_question(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("question"), str)
        and isinstance(row.get("options"), dict)
        and row.get("answer") in row["options"]
    )


def _question(name: str, question_id: str, row: Mapping[str, Any]) -> TaskQuestion:
    is_yesno = "yes" in {str(option).lower() for option in row["options"].values()}
    return TaskQuestion(
        id=f"{name}{SEPARATOR}{question_id}",
        text=row["question"],
        type="yesno" if is_yesno else None,
        label=row["answer"],
        options=dict(row["options"]),
        subset=name,
        source_ids=tuple(str(pmid) for pmid in row.get("PMID") or ()),
    )


def _notes(content: Mapping[str, Any], names: list[str], split: str | None) -> tuple[str, ...]:
    notes = [
        f"the set {name} has {len(content[name])} questions here, {SIZES[name]} in the published benchmark"
        for name in names
        if name in SIZES and len(content[name]) != SIZES[name]
    ]
    missing = [name for name in MIRAGE_SETS if name not in content]
    if missing and not split:
        notes.append(f"{len(missing)} of MIRAGE's 5 sets are missing ({', '.join(missing)}): the mean is not MIRAGE's")
    return tuple(notes)
