"""Which past answers cite what is now retracted, deleted or under concern: runs, answers on disk, the audit trail.

Whatever is JSON or JSON lines below a folder is gone through: lines of runs, answers and checked texts as ``--json``
prints them, and lines of the server's audit trail, which hold ids alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ragqa.corpus.store import DocumentStore
from ragqa.errors import SourceError
from ragqa.watch.ask import cited_article
from ragqa.watch.types import Cited

_SUFFIXES = (".json", ".jsonl", ".log")
_NOTICES = {"expression_of_concern": "concern", "partly_retracted": "partly retracted", "retracted": "retracted"}
"""Kind of a notice → what its answer thereby showed of the article."""


@dataclass(frozen=True, slots=True)
class Past:
    """An answer that was given.

    Attributes
    ----------
    file, place
        Where it stands: the file, and its line from 1 on.
    what
        The question or text; the request's id where the trail keeps no questions.
    cited
        Ids of the cited articles; of the audit trail those that the client was told of.
    known
        What the answer itself showed of them: ids, each with ``retracted``, ``partly retracted`` or ``concern``.
    index
        The index that was asked; "" where the line does not tell.
    """

    file: str
    place: int
    what: str
    cited: tuple[str, ...]
    known: frozenset[tuple[str, str]] = frozenset()
    index: str = ""


@dataclass(frozen=True, slots=True)
class Affected:
    """An answer with a cited article that is now ``retracted``, ``partly retracted``, ``deleted`` or of ``concern``.

    What the answer showed itself is no news: a retraction that came after an expression of concern is.
    """

    file: str
    place: int
    what: str
    document_id: str
    title: str
    status: str


@dataclass(frozen=True, slots=True)
class AffectedReport:
    """What was gone through, and what was found.

    ``n_unreadable`` are lines that are not JSON, such as one that a dying process left.
    """

    n_answers: int
    n_unreadable: int
    affected: tuple[Affected, ...]


def affected(path: Path, store: DocumentStore, index: str) -> AffectedReport:
    """Look up what the answers in a file or folder cite.

    Parameters
    ----------
    path
        A run's folder, any folder with runs and answers in it, or one file.
    store
        The corpus of today.
    index
        Lines of the audit trail on other indexes are passed over.

    Raises
    ------
    SourceError
        There is no such file or folder, or no answer in it.
    """
    found, n_unreadable = [], 0
    for file in _files(path):
        for place, value in _values(file):
            if value is None:
                n_unreadable += 1
                continue
            found += [one for one in _pasts(str(file), place, value) if one.index in ("", index)]
    if not found:
        raise SourceError(
            f"no answer with cited articles is in {path}; name a run's folder, an answer or an audit file"
        )
    standing = _standing(store, sorted({one for past in found for one in past.cited}))
    hits = [
        Affected(past.file, past.place, past.what, one, standing[one].title, status)
        for past in found
        for one in past.cited
        if (status := _status(standing[one])) and past.known.isdisjoint({(one, "retracted"), (one, status)})
    ]
    return AffectedReport(len(found), n_unreadable, tuple(hits))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SourceError(f"there is nothing at {path}; name a run's folder, an answer or an audit file")
    return sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())


def _values(file: Path) -> Iterator[tuple[int, Any]]:
    """Each JSON value with its line; None for one that cannot be read."""
    try:
        if file.suffix == ".json":
            yield 1, _decoded(file.read_bytes())
            return
        with file.open("rb") as lines:
            for place, line in enumerate(lines, start=1):
                if line.strip():
                    yield place, _decoded(line)
    except OSError as error:
        raise SourceError(f"cannot read {file}: {error.strerror}; check its permissions") from error


def _decoded(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _pasts(file: str, place: int, value: Any) -> Iterator[Past]:
    if not isinstance(value, dict):
        return
    if isinstance(value.get("reads"), list):
        yield from _of_audit(file, place, value)
    elif isinstance(value.get("claims"), list):
        yield from _of_checked(file, place, value)
    else:
        inner = value.get("answer")
        answer: dict[str, Any] = inner if isinstance(inner, dict) else value
        sources = [one for one in _dicts(answer.get("sources")) if one.get("cited") and one.get("document_id")]
        if sources:
            noted = [(str(one.get("document_id")), str(one.get("kind"))) for one in _dicts(answer.get("notices"))]
            known = {(one, _NOTICES[kind]) for one, kind in noted if kind in _NOTICES}
            known |= {(str(one["document_id"]), "retracted") for one in sources if one.get("retracted")}
            cited = tuple(dict.fromkeys(str(one["document_id"]) for one in sources))
            yield Past(file, place, _question(answer) or _question(value), cited, frozenset(known))


def _of_audit(file: str, place: int, line: dict[str, Any]) -> Iterator[Past]:
    for read in _dicts(line["reads"]):
        told = read.get("documents")
        if documents := tuple(str(one) for one in told) if isinstance(told, list) else ():
            what = str(read.get("question") or f"request {line.get('request_id', '')}")
            yield Past(file, place, what, documents, index=str(read.get("index", "")))


def _of_checked(file: str, place: int, checked: dict[str, Any]) -> Iterator[Past]:
    for claim in _dicts(checked["claims"]):
        citations = [*_dicts(claim.get("supporting")), *_dicts(claim.get("contradicting"))]
        cited = tuple(dict.fromkeys(str(one["document_id"]) for one in citations if one.get("document_id")))
        if cited:
            known = frozenset((str(one["document_id"]), "retracted") for one in citations if one.get("retracted"))
            yield Past(file, place, str(claim.get("text", "")), cited, known)
    for reference in _dicts(checked.get("references")):
        if reference.get("document_id"):
            one, status = str(reference["document_id"]), str(reference.get("status"))
            yield Past(file, place, str(reference.get("text", "")), (one,), frozenset({(one, status)}))


def _question(value: dict[str, Any]) -> str:
    question = value.get("question")
    return str(question.get("text", "")) if isinstance(question, dict) else str(question or "")


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _standing(store: DocumentStore, ids: list[str]) -> dict[str, Cited]:
    rows = store.find(ids)
    there = {document.id: cited_article(document) for document in store.read(rows[rows >= 0])}
    return {one: there.get(one, Cited(one, deleted=True)) for one in ids}


def _status(now: Cited) -> str:
    if now.deleted:
        return "deleted"
    if now.retracted:
        return "retracted"
    if now.partly_retracted:
        return "partly retracted"
    return "concern" if now.concern else ""
