"""BrowseComp-Plus' files: decrypted queries with their documents, and what searching agents made of them.

An agent's run is a folder with a JSON file for each query, ``run_*.json``, as its evaluation program reads it
(https://github.com/texttron/BrowseComp-Plus): ``query_id``, ``tool_call_counts``, ``status``, ``retrieved_docids`` and
``result``, whose last entry of type ``output_text`` is the response.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ragqa.corpus.browsecomp import docid_of
from ragqa.corpus.sources import lines_of
from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.tasks.formats.read import read_json, read_json_lines, string
from ragqa.evaluate.tasks.outcomes import SearchOutcome
from ragqa.manifest import write_atomically
from ragqa.types import SearchStep

COMPLETED = "completed"
_ENCRYPTED = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}\Z")
_DOCID = re.compile(r'"docid\\*"\s*:\s*(?:\\*"([^"\\]+)|(\d+))')  # also where JSON stands quoted in JSON


@dataclass(frozen=True, slots=True)
class Query:
    """A query with what counts as its answer, and the ids of its documents, as the file lists them."""

    id: str
    text: str
    answers: tuple[str, ...]
    evidence: tuple[str, ...]
    gold: tuple[str, ...]
    negative: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentRun:
    """What an agent made of one query.

    Attributes
    ----------
    query_id
        The query.
    searched
        Its searches. ``retrieved`` is in the order of the searches where the file tells what each of them brought.
    response
        The text of its answer; "" where there is none.
    completed
        Whether it came to an end; otherwise its response does not count.
    is_ordered
        Whether the order of ``searched.retrieved`` is that in which the documents were found.
    """

    query_id: str
    searched: SearchOutcome
    response: str = ""
    completed: bool = True
    is_ordered: bool = True


class _OnlyId(msgspec.Struct):
    docid: Any = None


class _Row(msgspec.Struct):
    """A line of the queries; the texts of its documents, hundreds of megabytes, are passed over."""

    query_id: Any = None
    query: Any = None
    answer: Any = None
    evidence_docs: list[_OnlyId] | None = None
    gold_docs: list[_OnlyId] | None = None
    negative_docs: list[_OnlyId] | None = None


def read_queries(path: Path) -> list[Query]:
    """The queries of a decrypted file, JSON lines, plain or gzip.

    ``answer`` is a text, or a list of texts each of which is right.

    Raises
    ------
    SourceError
        The file is missing, empty, malformed or still encrypted, or a query is there twice; the message has the line.
    """
    decoder = msgspec.json.Decoder(_Row)
    lines: dict[str, int] = {}
    queries = []
    for number, line in lines_of(path):
        place = f"{path}, line {number}"
        try:
            query = _query(decoder.decode(line), place)
        except msgspec.ValidationError as error:
            raise SourceError(f"{place}: {error}; give BrowseComp-Plus' decrypted queries") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SourceError(f"{place}: not JSON, or cut off: {error}; decrypt or export it again") from error
        if query.id in lines:
            raise SourceError(
                f"{place}: the query {query.id} is in line {lines[query.id]} already; keep one of the two"
            )
        lines[query.id] = number
        queries.append(query)
    return queries


def _query(row: _Row, place: str) -> Query:
    told = {"query_id": row.query_id, "query": row.query}
    told = {key: value for key, value in told.items() if value is not None}
    query_id, text = string(told, "query_id", place), string(told, "query", place)
    if _ENCRYPTED.match(text):
        raise SourceError(
            f"{place}: the query is still encrypted ({text[:20]}…); decrypt the file with BrowseComp-Plus' "
            "scripts_build_index/decrypt_dataset.py"
        )
    return Query(
        query_id,
        " ".join(text.split()),
        _answers(row.answer, place),
        *(_ids(getattr(row, f"{kind}_docs"), f"{place}, {kind}_docs") for kind in ("evidence", "gold", "negative")),
    )


def _answers(value: Any, place: str) -> tuple[str, ...]:
    answers = value if isinstance(value, list) else [value]
    if not answers or not all(isinstance(one, str) and one.strip() for one in answers):
        found = "missing" if value is None else f"{str(value)[:60]!r}"
        raise SourceError(f"{place}: 'answer' must be a non-empty text, or a list of them; it is {found}")
    return tuple(answers)


def _ids(documents: Sequence[_OnlyId] | None, place: str) -> tuple[str, ...]:
    found = [
        docid_of({"docid": one.docid} if one.docid is not None else {}, f"{place} {number}")
        for number, one in enumerate(documents or (), start=1)
    ]
    return tuple(dict.fromkeys(found))


def read_agent_runs(path: Path) -> dict[str, AgentRun]:
    """Query id → what an agent made of it: of a folder of ``run_*.json``, or of a JSON-lines file of such objects.

    Raises
    ------
    SourceError
        There is no such file, one is damaged or of another kind, or two are on the same query.
    """
    runs: dict[str, AgentRun] = {}
    origins: dict[str, str] = {}
    for place, row in _rows(path):
        run = _agent_run(row, place)
        if run.query_id in runs:
            raise SourceError(
                f"{place}: the query {run.query_id} is in {origins[run.query_id]} too; keep one of the two"
            )
        runs[run.query_id], origins[run.query_id] = run, place
    return runs


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if not path.is_dir():
        for number, row in read_json_lines(path):
            yield f"{path}, line {number}", row
        return
    files = sorted(path.glob("run_*.json"))
    if not files:
        raise SourceError(f"{path} holds no file run_*.json; give the folder of an agent's run, or its JSON lines")
    for file in files:
        content = read_json(file)
        if not isinstance(content, dict):
            raise SourceError(f"{file}: a JSON object is expected, not {str(content)[:60]!r}")
        yield str(file), content


def _agent_run(row: dict[str, Any], place: str) -> AgentRun:
    query_id = string(row, "query_id", place)
    status = row.get("status", "")
    if status == "" or not isinstance(status, str | None):
        raise SourceError(f"{place}: 'status' must be a text ({COMPLETED!r} for success); it is {str(status)[:60]!r}")
    entries = row.get("result")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SourceError(f"{place}: 'result' must be a list of objects; it is {str(entries)[:60]!r}")
    steps = tuple(_step(entry) for entry in entries if entry.get("type") == "tool_call" and _searches(entry))
    listed_ids = _listed_ids(row, place)
    by_steps = list(dict.fromkeys(document for step in steps for document in step.document_ids))
    retrieved = [document for document in by_steps if document in set(listed_ids)] if listed_ids else by_steps
    is_ordered = set(retrieved) == set(listed_ids) or not listed_ids
    retrieved = list(dict.fromkeys([*retrieved, *listed_ids]))
    return AgentRun(
        query_id,
        SearchOutcome(_n_searches(row, len(steps), place), retrieved, steps=list(steps)),
        _response(entries),
        completed=status == COMPLETED,
        is_ordered=is_ordered,
    )


def _listed_ids(row: dict[str, Any], place: str) -> list[str]:
    value = row.get("retrieved_docids")
    if not isinstance(value, list) or not all(isinstance(one, str | int) and str(one).strip() for one in value):
        found = "missing" if "retrieved_docids" not in row else f"{str(value)[:60]!r}"
        raise SourceError(f"{place}: 'retrieved_docids' must be a list of document ids; it is {found}")
    return list(dict.fromkeys(str(one).strip() for one in value))


def _n_searches(row: dict[str, Any], n_steps: int, place: str) -> int:
    """As the file counts them: reading a document (``get_document``) is no search."""
    counts = row.get("tool_call_counts")
    if counts is None:
        return n_steps
    whole = isinstance(counts, dict) and all(type(count) is int and count >= 0 for count in counts.values())
    if not whole:
        raise SourceError(
            f"{place}: 'tool_call_counts' must be an object of tools and how often each was called; it is "
            f"{str(counts)[:60]!r}"
        )
    return sum(count for tool, count in counts.items() if _is_search(tool))


def _is_search(tool: object) -> bool:
    return isinstance(tool, str) and ("search" in tool.lower() or "retriev" in tool.lower())


def _searches(entry: dict[str, Any]) -> bool:
    return _is_search(entry.get("tool_name"))


def _step(entry: dict[str, Any]) -> SearchStep:
    arguments, output = entry.get("arguments"), entry.get("output")
    if isinstance(arguments, str):
        try:
            arguments = msgspec.json.decode(arguments)
        except msgspec.DecodeError:
            arguments = {"query": arguments}
    values = arguments.values() if isinstance(arguments, dict) else ()
    query = next((value for value in values if isinstance(value, str)), "")
    text = output if isinstance(output, str) else msgspec.json.encode(output).decode()
    found = [quoted or plain for quoted, plain in _DOCID.findall(text)]
    return SearchStep(query, tuple(dict.fromkeys(found)))


def _response(entries: Sequence[dict[str, Any]]) -> str:
    last = entries[-1] if entries else {}
    output = last.get("output")
    return output.strip() if last.get("type") == "output_text" and isinstance(output, str) else ""


def write_agent_runs(folder: Path, runs: Sequence[AgentRun], model: str) -> None:
    """Write a file for each query, ``run_NUMBER.json``; ``model`` is what its figures will be listed under.

    Raises
    ------
    UsageError
        The folder has files of another run, which would be counted with these.
    """
    written = {f"run_{number:05}.json": run for number, run in enumerate(runs, start=1)}
    others = sorted({file.name for file in folder.glob("run_*.json")} - written.keys())
    if others:
        raise UsageError(f"{folder} has files of another run ({others[0]}); give an empty or new folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    for name, run in written.items():
        write_atomically(folder / name, msgspec.json.encode(_as_row(run, model)))


def _as_row(run: AgentRun, model: str) -> dict[str, Any]:
    calls = [
        {
            "type": "tool_call",
            "tool_name": "search",
            "arguments": msgspec.json.encode({"query": step.query}).decode(),
            "output": msgspec.json.encode([{"docid": document} for document in step.document_ids]).decode(),
        }
        for step in run.searched.steps
    ]
    said = [{"type": "output_text", "tool_name": None, "arguments": None, "output": run.response}]
    return {
        "metadata": {"model": model},
        "query_id": run.query_id,
        "tool_call_counts": {"search": run.searched.n_searches},
        "status": COMPLETED if run.completed else "failed",
        "retrieved_docids": run.searched.retrieved,
        "result": [*calls, *(said if run.response else [])],
    }
