"""Retrieval tasks in BEIR's form: corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv in one folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from ragqa.errors import SourceError, UsageError, nearest
from ragqa.evaluate.measures.retrieval import DEFAULT_MEASURES
from ragqa.evaluate.tasks.formats.read import listed, read_json_lines, string
from ragqa.evaluate.tasks.formats.trec import read_qrels
from ragqa.evaluate.tasks.task import CorpusSource, Task, TaskQuestion, checked
from ragqa.types import QuestionType

_QUERIES_ARE_DOCUMENTS = frozenset({"arguana"})
"""The sets of BEIR whose queries are documents of their corpus; elsewhere equal ids are an accident."""


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read a BEIR folder: the queries that the split's qrels judge, in the order of queries.jsonl.

    Parameters
    ----------
    data
        The folder.
    split
        Name of a file below ``qrels/``; ``test`` by default.
    setting
        There is none.

    Raises
    ------
    UsageError
        No folder or an unknown setting was given, or the folder has no such split.
    SourceError
        A file is missing, empty or malformed, an id occurs twice, or the qrels judge queries that are not there.
    """
    folder = needed_folder("beir", data, "corpus.jsonl, queries.jsonl and qrels/")
    if setting:
        raise UsageError(f"the task 'beir' has no setting {setting!r}; leave --setting out")
    split = split or "test"
    path = folder / "qrels" / f"{split}.tsv"
    if not path.is_file():
        names = [file.stem for file in (folder / "qrels").glob("*.tsv")]
        raise UsageError(f"{folder} has no split {split!r} ({path.name} below qrels/); {nearest(split, names)}")
    own_id = folder.absolute().name.lower() in _QUERIES_ARE_DOCUMENTS
    task = retrieval_task("beir", split, folder / "queries.jsonl", "_id", read_qrels(path), drop_query_id=own_id)
    return (checked(task, str(folder)),)


def retrieval_task(
    name: str,
    split: str,
    queries: Path,
    id_key: str,
    judged: Mapping[str, Mapping[str, int]],
    *,
    drop_query_id: bool,
) -> Task:
    """The task to find what is judged relevant in the corpus beside a file of queries.

    Parameters
    ----------
    queries
        JSON lines in the folder of the corpus, each with an id under ``id_key``; those that are not judged are left
        out and counted.
    judged
        Query id → document id → grade.
    drop_query_id
        Whether a document with the query's own id is left out of what is found.

    Raises
    ------
    SourceError
        The file is malformed, an id occurs twice, or judged queries are missing.
    """
    rows = unique_rows(queries, id_key)
    questions = judged_questions(rows, judged, queries)
    return Task(
        name=name,
        split=split,
        questions=questions,
        scorers=("retrieval",),
        primary="nDCG@10",
        measures=DEFAULT_MEASURES,
        corpus=CorpusSource("beir", queries.parent),
        drop_query_id=drop_query_id,
        counts={"n_questions": len(questions), "n_queries_not_judged": len(rows) - len(questions)},
    )


def needed_folder(name: str, data: Path | None, content: str) -> Path:
    """``data`` where it is a folder; raises :class:`UsageError` saying what the folder must hold."""
    if data is None:
        raise UsageError(f"the task {name!r} needs its data: --data FOLDER with {content}")
    if not data.is_dir():
        raise UsageError(f"{data} is not a folder; the task {name!r} needs one with {content}")
    return data


def unique_rows(path: Path, id_key: str) -> dict[str, dict[str, Any]]:
    """The rows of a JSON-lines file by id; raises :class:`SourceError` where an id occurs twice."""
    rows: dict[str, dict[str, Any]] = {}
    twice = []
    for number, row in read_json_lines(path):
        row_id = string(row, id_key, f"{path}, line {number}")
        if row_id in rows:
            twice.append(row_id)
        rows[row_id] = row
    if twice:
        raise SourceError(f"{path}: {len(twice)} ids occur more than once ({listed(twice)}); keep one of each")
    return rows


def judged_questions(
    rows: Mapping[str, dict[str, Any]], judged: Mapping[str, Mapping[str, int]], path: Path
) -> tuple[TaskQuestion, ...]:
    """The questions of ``rows`` that have judgements, in order.

    Raises
    ------
    SourceError
        Judged queries are missing from ``rows``: leaving them out would change every mean.
    """
    missing = [query for query in judged if query not in rows]
    if missing:
        raise SourceError(f"{path} lacks {len(missing)} of the {len(judged)} judged queries ({listed(missing)})")
    return tuple(
        TaskQuestion(
            id=query,
            text=string(row, "text", f"{path}, query {query}"),
            type=_type(row),
            relevant=dict(judged[query]),
        )
        for query, row in rows.items()
        if query in judged
    )


def _type(row: Mapping[str, Any]) -> QuestionType | None:
    metadata = row.get("metadata")
    kind = metadata.get("type") if isinstance(metadata, dict) else None
    return cast("QuestionType", kind) if kind in get_args(QuestionType) else None
