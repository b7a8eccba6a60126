"""BioASQ Task b files: gold standards and submissions, with exactly the keys that the official program takes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from ragqa.corpus.text import abstract_sections
from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.measures.bioasq.question import (
    MAX_DOCUMENTS,
    MAX_FACTOIDS,
    MAX_IDEAL_WORDS,
    MAX_SNIPPETS,
    BioasqQuestion,
    BioasqSnippet,
    ExactAnswer,
    pmid_url,
)
from ragqa.evaluate.tasks.formats.read import listed, read_json, string
from ragqa.manifest import write_json
from ragqa.types import Document, QuestionType, Span

Phase = Literal["A", "A+", "B"]

_TYPES = ("yesno", "factoid", "list", "summary")
_SNIPPET_KEYS = {"document", "beginSection", "endSection", "offsetInBeginSection", "offsetInEndSection", "text"}


@dataclass(frozen=True, slots=True)
class Cut:
    """What a submission had too much or too little of; all are numbers of questions."""

    n_padded: int = 0
    n_documents_cut: int = 0
    n_snippets_cut: int = 0
    n_factoids_cut: int = 0
    n_ideal_cut: int = 0
    n_without_exact: int = 0


def read_bioasq(path: Path, *, submission: bool = False) -> dict[str, BioasqQuestion]:
    """Read a gold standard or a submission.

    Parameters
    ----------
    path
        A JSON file with a list ``questions``.
    submission
        True refuses what makes the official program crash: a flat list of strings as exact answer, and a
        snippet with other keys than the six.

    Raises
    ------
    SourceError
        The file is missing, damaged, of another format, without questions, or has ids twice; the message
        counts the questions concerned.
    """
    content = read_json(path)
    rows = content.get("questions") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise SourceError(f"{path} has no list 'questions'; it is not a BioASQ Task b file")
    if not rows:
        raise SourceError(f"{path} has an empty list of questions")
    questions: dict[str, BioasqQuestion] = {}
    twice, wrong = [], []
    for number, row in enumerate(rows, start=1):
        where = f"{path}, question {number}"
        if not isinstance(row, dict):
            raise SourceError(f"{where}: a JSON object is expected")
        question_id = string(row, "id", where)
        if question_id in questions:
            twice.append(question_id)
        try:
            questions[question_id] = _question(question_id, row, where, submission)
        except SourceError as error:
            wrong.append(str(error))
    if twice:
        raise SourceError(f"{path}: {len(twice)} question ids occur more than once ({listed(twice)}); keep one of each")
    if wrong:
        raise SourceError(f"{path}: {len(wrong)} of {len(rows)} questions are malformed; the first: {wrong[0]}")
    return questions


def is_gold(path: Path) -> bool:
    """Whether a file of Task b has lists of ideal answers, as gold standards have; submissions have one text.

    Raises
    ------
    SourceError
        The file is missing or damaged.
    """
    content = read_json(path)
    rows = content.get("questions") if isinstance(content, dict) else None
    return isinstance(rows, list) and any(
        isinstance(row, dict) and isinstance(row.get("ideal_answer"), list) and row["ideal_answer"] for row in rows
    )


def write_submission(
    path: Path, gold: Mapping[str, BioasqQuestion], answers: Mapping[str, BioasqQuestion], phase: Phase
) -> Cut:
    """Write answers as a submission that the official program takes.

    Each question of ``gold`` is written, in order, one without an answer with empty lists (the program would
    leave it out of its means otherwise). Documents are normalised and cut at 10, snippets at 10, factoid
    entries at 5 and ideal answers at 200 words, because the program does not cut.

    Returns
    -------
    Cut
        How many questions were padded or cut.

    Raises
    ------
    UsageError
        A yes/no answer is not ``yes`` or ``no``, or an answer belongs to no question.
    """
    unknown = [question_id for question_id in answers if question_id not in gold]
    if unknown:
        raise UsageError(f"{len(unknown)} answers belong to no question of the gold file ({listed(unknown)})")
    rows, cuts = [], Cut()
    for question_id, question in gold.items():
        answer = answers.get(question_id)
        if answer is None:
            cuts = replace(cuts, n_padded=cuts.n_padded + 1)
            answer = BioasqQuestion(question_id)
        row: dict[str, Any] = {"id": question_id, "type": question.type, "body": question.body}
        if phase == "A":
            row, cuts = _retrieved(row, answer, cuts)
        else:
            row, cuts = _answered(row, question.type, answer, cuts)
        rows.append(row)
    write_json(path, {"questions": rows})
    return cuts


def bioasq_snippet(span: Span, document: Document) -> BioasqSnippet:
    """A span as a BioASQ snippet: section ``title`` or ``abstract``, offsets in the whole abstract.

    Raises
    ------
    UsageError
        The span is in a section that BioASQ does not know (an abstract in another language).
    """
    offset = 0
    if span.section != "title":
        for section in abstract_sections(document):
            if section.name == span.section:
                break
            offset += len(section.text) + 1
        else:
            raise UsageError(f"document {document.id} has no title or abstract section {span.section!r}")
    name = "title" if span.section == "title" else "abstract"
    return BioasqSnippet(pmid_url(document.id), name, name, offset + span.begin, offset + span.end, span.quote)


def _question(question_id: str, row: dict[str, Any], where: str, submission: bool) -> BioasqQuestion:
    kind = row.get("type")
    if kind is not None and kind not in _TYPES:
        raise SourceError(f"{where}: type {kind!r} is not one of {', '.join(_TYPES)}")
    ideal = row.get("ideal_answer") or ()
    return BioasqQuestion(
        id=question_id,
        type=cast("QuestionType | None", kind),
        body=str(row.get("body") or ""),
        documents=tuple(_strings(row.get("documents") or [], "documents", where)),
        snippets=tuple(_snippet(snippet, where, submission) for snippet in _list(row, "snippets", where)),
        exact_answer=_exact_answer(row.get("exact_answer"), kind, where, submission),
        ideal_answers=(ideal,) if isinstance(ideal, str) else tuple(_strings(ideal, "ideal_answer", where)),
    )


def _list(row: dict[str, Any], key: str, where: str) -> list[Any]:
    value = row.get(key) or []
    if not isinstance(value, list):
        raise SourceError(f"{where}: {key!r} must be a list")
    return value


def _strings(value: Any, key: str, where: str) -> Iterable[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise SourceError(f"{where}: {key!r} must be a list of texts")
    return value


def _snippet(snippet: Any, where: str, submission: bool) -> BioasqSnippet:
    if not isinstance(snippet, dict):
        raise SourceError(f"{where}: a snippet must be a JSON object")
    missing, extra = _SNIPPET_KEYS - {"text"} - snippet.keys(), snippet.keys() - _SNIPPET_KEYS
    if missing:
        raise SourceError(f"{where}: a snippet lacks {min(missing)!r}")
    if submission and extra:
        raise SourceError(
            f"{where}: a snippet has the key {min(extra)!r}, on which the official program crashes; allowed are"
            f" {', '.join(sorted(_SNIPPET_KEYS))}"
        )
    begin, end = snippet["offsetInBeginSection"], snippet["offsetInEndSection"]
    # One snippet of the official gold (5B5) begins at −1; the official program takes it as it stands.
    if not (isinstance(begin, int) and isinstance(end, int)) or end < begin or begin < (0 if submission else -1):
        raise SourceError(f"{where}: snippet offsets {begin!r} to {end!r} are not 0 ≤ begin ≤ end")
    return BioasqSnippet(
        string(snippet, "document", where),
        string(snippet, "beginSection", where),
        string(snippet, "endSection", where),
        begin,
        end,
        str(snippet.get("text") or ""),
    )


def _exact_answer(value: Any, kind: str | None, where: str, submission: bool) -> ExactAnswer | None:
    if value is None or value in ("", []):
        return None
    if isinstance(value, str):
        if kind in ("factoid", "list"):
            raise SourceError(f"{where}: the exact answer of a {kind} question must be a list of lists, not a text")
        return value
    if not isinstance(value, list):
        raise SourceError(f"{where}: the exact answer must be a text or a list of lists")
    if all(isinstance(item, str) for item in value):
        if submission:
            raise SourceError(
                f"{where}: the exact answer is a flat list of texts, on which the official program crashes;"
                " write a list of lists, [['first'], ['second']]"
            )
        # Gold files of training sets: the synonyms of one factoid, or the items of a list.
        if kind == "yesno":
            return str(value[0])
        return tuple((item,) for item in value) if kind == "list" else (tuple(value),)
    return tuple(tuple(_strings(item, "exact_answer", where)) for item in value)


def _retrieved(row: dict[str, Any], answer: BioasqQuestion, cuts: Cut) -> tuple[dict[str, Any], Cut]:
    documents = list(dict.fromkeys(map(pmid_url, answer.documents)))
    row["documents"] = documents[:MAX_DOCUMENTS]
    row["snippets"] = [
        {
            "document": pmid_url(snippet.document),
            "beginSection": snippet.begin_section,
            "endSection": snippet.end_section,
            "offsetInBeginSection": snippet.begin,
            "offsetInEndSection": snippet.end,
            "text": snippet.text,
        }
        for snippet in answer.snippets[:MAX_SNIPPETS]
    ]
    cuts = replace(
        cuts,
        n_documents_cut=cuts.n_documents_cut + (len(documents) > MAX_DOCUMENTS),
        n_snippets_cut=cuts.n_snippets_cut + (len(answer.snippets) > MAX_SNIPPETS),
    )
    return row, cuts


def _answered(
    row: dict[str, Any], kind: QuestionType | None, answer: BioasqQuestion, cuts: Cut
) -> tuple[dict[str, Any], Cut]:
    words = (answer.ideal_answers[0] if answer.ideal_answers else "").split()
    row["ideal_answer"] = " ".join(words[:MAX_IDEAL_WORDS])
    cuts = replace(cuts, n_ideal_cut=cuts.n_ideal_cut + (len(words) > MAX_IDEAL_WORDS))
    if kind == "summary":
        return row, cuts
    exact = answer.exact_answer
    if kind == "yesno":
        if exact is not None and exact not in ("yes", "no"):
            raise UsageError(f"question {answer.id}: a yes/no answer must be the bare word yes or no, not {exact!r}")
        if exact is None:
            return row, replace(cuts, n_without_exact=cuts.n_without_exact + 1)
        row["exact_answer"] = exact
        return row, cuts
    entries: Sequence[tuple[str, ...]] = () if exact is None or isinstance(exact, str) else exact
    n_allowed = MAX_FACTOIDS if kind == "factoid" else len(entries)
    row["exact_answer"] = [list(entry[:1]) for entry in entries[:n_allowed]]
    return row, replace(
        cuts,
        n_factoids_cut=cuts.n_factoids_cut + (len(entries) > n_allowed),
        n_without_exact=cuts.n_without_exact + (not entries),
    )
