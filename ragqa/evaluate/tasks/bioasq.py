"""BioASQ Task b from its official gold files: phase A (retrieval), A+ (answers from what is retrieved) and B
(answers from the gold snippets).
"""

import re
from collections.abc import Mapping
from pathlib import Path

from ragqa.errors import SourceError, UsageError, nearest
from ragqa.evaluate.measures.bioasq.question import BioasqQuestion, document_id
from ragqa.evaluate.tasks.formats.bioasq import read_bioasq
from ragqa.evaluate.tasks.formats.read import listed
from ragqa.evaluate.tasks.task import Task, TaskQuestion, checked

_SCORERS: dict[str, tuple[str, ...]] = {
    "A": ("bioasq_documents", "bioasq_snippets", "retrieval"),
    "A+": ("bioasq_exact", "rouge", "bioasq_documents", "selective", "citations"),
    "B": ("bioasq_exact", "rouge", "selective"),
}
_FIRST_YEAR = 2013  # of BioASQ 1b
_PRIMARY = {"A": "document_map", "A+": "yesno_macro_f1", "B": "yesno_macro_f1"}
_MEASURES = ("nDCG@10", "R@10", "MRR@10", "AP@100")


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read one gold file, or all of a folder.

    Parameters
    ----------
    data
        A gold JSON file, or a folder of them (``*.json``).
    split
        Of a folder, the file called ``SPLIT.json`` or ``SPLIT_golden.json``, for example ``10B1``; all by default.
    setting
        ``A``, ``A+`` (default) or ``B``. Only B hands the gold snippets to the reader.

    Returns
    -------
    tuple of Task
        One task; each question's ``subset`` is the batch (the name of its file). Counts: ``n_questions``,
        ``n_without_documents``, ``n_without_snippets``, ``n_without_exact`` (of yes/no, factoid and list
        questions), ``n_without_ideal``: such questions stay, and each metric says how many it left out.

    Raises
    ------
    UsageError
        No data or an unknown setting or split was given.
    SourceError
        A file is malformed, a question occurs twice, or no question has the gold that the setting needs.
    """
    if data is None:
        raise UsageError(
            "the task 'bioasq' needs its gold files: --data FILE_OR_FOLDER. They are free after registration at"
            " http://participants-area.bioasq.org; eval/tasks/bioasq.toml has the steps"
        )
    setting = setting or "A+"
    if setting not in _SCORERS:
        raise UsageError(f"the task 'bioasq' has no setting {setting!r}; {nearest(setting, _SCORERS)}")
    questions, twice = [], []
    seen: set[str] = set()
    for path in _files(data, split):
        batch = path.stem.removesuffix("_golden").removesuffix(".gold")
        for question in read_bioasq(path).values():
            twice += [question.id] if question.id in seen else []
            seen.add(question.id)
            questions.append(_question(question, batch, setting, path))
    if twice:
        raise SourceError(f"{data}: {len(twice)} questions are in several files ({listed(twice)}); keep one of each")
    counts = _counts(questions)
    _check_gold(counts, setting, data)
    task = Task(
        name="bioasq",
        split=split or "",
        setting=setting,
        questions=tuple(questions),
        scorers=_SCORERS[setting],
        primary=_PRIMARY[setting],
        measures=_MEASURES if setting == "A" else (),
        counts=counts,
        notes=("retrieval measures are of the hits as they come; document_* cut at 10 as BioASQ does",)
        if setting == "A"
        else (),
    )
    return (checked(task, str(data)),)


def year_of(batch: str) -> str:
    """The year of a batch by its name; "" where the name does not tell the edition.

    >>> year_of("13B1"), year_of("training13b"), year_of("dry-run")
    ('2025', '2025', '')
    """
    edition = re.search(r"(?<!\d)(\d{1,2})b", batch, re.IGNORECASE)
    return str(_FIRST_YEAR + int(edition[1]) - 1) if edition else ""


def _files(data: Path, split: str | None) -> list[Path]:
    if not data.is_dir():
        if split and data.stem not in (split, f"{split}_golden", f"{split}.gold"):
            raise UsageError(f"{data} is one file and has no split {split!r}; leave --split out, or give its folder")
        return [data]
    files = {path.stem.removesuffix("_golden"): path for path in sorted(data.glob("*.json"))}
    if not files:
        raise UsageError(f"{data} has no .json file; BioASQ's gold files are expected")
    if split and split not in files:
        raise UsageError(f"{data} has no batch {split!r}; {nearest(split, files)}")
    return [files[split]] if split else list(files.values())


def _question(question: BioasqQuestion, batch: str, setting: str, path: Path) -> TaskQuestion:
    if question.type is None or not question.body.strip():
        lacking = "type" if question.type is None else "body"
        raise SourceError(f"{path}: question {question.id} has no {lacking!r}; a gold file has it for every question")
    exact = question.exact_answer
    label = exact.strip().lower() if isinstance(exact, str) else ""
    return TaskQuestion(
        id=question.id,
        text=question.body,
        type=question.type,
        relevant={document_id(url): 1 for url in question.documents},
        snippets=question.snippets,
        label=label if question.type == "yesno" else "",
        exact_answer=None if isinstance(exact, str) else exact,
        ideal_answers=question.ideal_answers,
        contexts=tuple(snippet.text for snippet in question.snippets) if setting == "B" else (),
        context_labels=tuple(document_id(snippet.document) for snippet in question.snippets) if setting == "B" else (),
        subset=batch,
    )


def _counts(questions: list[TaskQuestion]) -> dict[str, int]:
    return {
        "n_questions": len(questions),
        "n_without_documents": sum(not question.relevant for question in questions),
        "n_without_snippets": sum(not question.snippets for question in questions),
        "n_without_exact": sum(
            question.type != "summary" and not (question.label or question.exact_answer) for question in questions
        ),
        "n_without_ideal": sum(not question.ideal_answers for question in questions),
    }


def _check_gold(counts: Mapping[str, int], setting: str, data: Path) -> None:
    """Raise where no question at all has what the setting is scored by (or read from)."""
    needed = {"A": ("documents",), "A+": ("ideal",), "B": ("ideal", "snippets")}[setting]
    for what in needed:
        if counts[f"n_without_{what}"] == counts["n_questions"]:
            raise SourceError(
                f"{data}: none of its {counts['n_questions']} questions has gold for {what!r}; setting {setting} cannot"
                " be scored. Test files come without gold: wait for the golden file"
            )
