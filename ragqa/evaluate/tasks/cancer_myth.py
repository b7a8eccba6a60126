"""Cancer-Myth: patients' questions that suppose something false, and what would set it right."""

from pathlib import Path

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.measures.entailment import LexicalOverlap
from ragqa.evaluate.tasks.formats.read import read_json, read_json_lines, string
from ragqa.evaluate.tasks.task import Task, TaskQuestion, checked

NAME = "cancer-myth"
FILES = ("all_data.json", "cancer_myth.jsonl")


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read Cancer-Myth.

    Parameters
    ----------
    data
        ``all_data.json`` of the repository (a list of objects), the same as JSON lines, or the folder with it.
    split, setting
        There are none.

    Raises
    ------
    UsageError
        No data, a split or a setting was given.
    SourceError
        The file is missing or malformed.
    """
    if split or setting:
        raise UsageError(f"the task {NAME!r} has no splits and no settings; leave {split or setting!r} out")
    if data is None:
        raise UsageError(f"the task {NAME!r} needs its data: --data all_data.json, or its folder")
    path = next((data / name for name in FILES if (data / name).is_file()), data / FILES[0]) if data.is_dir() else data
    questions = []
    for number, (where, row) in enumerate(_rows(path), start=1):
        if not isinstance(row, dict):
            raise SourceError(f"{where}: an object with example_question and example_assumption is expected")
        question = string(row, "example_question", where).strip()
        correction = string(row, "example_assumption", where).strip()
        category = str(row.get("category", "") or "")
        questions.append(TaskQuestion(str(number), question, ideal_answers=(correction,), subset=category))
    task = Task(
        name=NAME,
        questions=tuple(questions),
        scorers=("corrections", "citations"),
        primary=f"false_premise_corrected[{LexicalOverlap().name}]",
        counts={"n_questions": len(questions)},
    )
    return (checked(task, str(path)),)


def _rows(path: Path) -> list[tuple[str, object]]:
    if path.suffix == ".jsonl":
        return [(f"{path}, line {number}", row) for number, row in read_json_lines(path)]
    content = read_json(path)
    if not isinstance(content, list):
        raise SourceError(f"{path}: a list of questions is expected; give Cancer-Myth's all_data.json")
    return [(f"{path}, entry {number}", row) for number, row in enumerate(content, start=1)]
