"""R2MED: eight medical retrieval sets with a corpus each, in their own file names; the figure is the mean of the sets.

A set's folder has corpus.jsonl (``id``, ``text``), query.jsonl (``id``, ``text``) and qrels.jsonl (``q_id``,
``p_id``, ``score``). Each set is a task of its own; ``ragqa.evaluate.measures.measure.mean_over_sets`` takes the
unweighted mean.
"""

from dataclasses import replace
from pathlib import Path

from ragqa.errors import UsageError, nearest
from ragqa.evaluate.tasks.beir import needed_folder, retrieval_task
from ragqa.evaluate.tasks.formats.read import read_json_lines, string
from ragqa.evaluate.tasks.formats.trec import add_judgement
from ragqa.evaluate.tasks.task import Task, checked

SETS = (
    "Biology", "Bioinformatics", "Medical-Sciences", "MedXpertQA-Exam", "MedQA-Diag", "PMC-Treatment", "PMC-Clinical",
    "IIYi-Clinical",
)  # fmt: skip


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read one set's folder, or every set below a folder.

    Parameters
    ----------
    data
        A set's folder, or the folder that has the sets' folders.
    split
        Name of one set, where ``data`` has several; all by default.
    setting
        There is none.

    Returns
    -------
    tuple of Task
        One task a set, in the official order; ``split`` is the set's name. Where not all eight are there, each
        task has a note that says so: the mean is then not R2MED's.

    Raises
    ------
    UsageError
        No folder or an unknown setting was given, or there is no such set.
    SourceError
        A file is missing, empty or malformed, an id occurs twice, or judged queries are missing.
    """
    folder = needed_folder("r2med", data, "query.jsonl, qrels.jsonl and corpus.jsonl, or with a folder for each set")
    if setting:
        raise UsageError(f"the task 'r2med' has no setting {setting!r}; leave --setting out")
    if (folder / "query.jsonl").is_file():
        found = {folder.name: folder}
    else:
        found = {path.parent.name: path.parent for path in sorted(folder.glob("*/query.jsonl"))}
    if not found:
        raise UsageError(f"{folder} has no query.jsonl, nor has any folder in it; a set of R2MED is expected")
    if split and split not in found:
        raise UsageError(f"{folder} has no set {split!r}; {nearest(split, found)}")
    names = [split] if split else sorted(found, key=lambda name: (_place(name), name))
    missing = [name for name in SETS if name not in names]
    notes = (f"{len(names)} of R2MED's 8 sets; missing: {', '.join(missing)}",) if missing else ()
    return tuple(_set(name, found[name], notes) for name in names)


def _place(name: str) -> int:
    return SETS.index(name) if name in SETS else len(SETS)


def _set(name: str, folder: Path, notes: tuple[str, ...]) -> Task:
    judged: dict[str, dict[str, int]] = {}
    path = folder / "qrels.jsonl"
    for number, row in read_json_lines(path):
        where = f"{path}, line {number}"
        add_judgement(judged, string(row, "q_id", where), string(row, "p_id", where), row.get("score"), where)
    task = retrieval_task("r2med", name, folder / "query.jsonl", "id", judged, drop_query_id=True)
    return checked(replace(task, notes=notes), str(folder))
