"""Evidence Inference 2.0 as its authors publish it: prompts and annotations as CSV, the articles as text files.

The form is described in ``annotations/README.md`` of https://github.com/jayded/evidence-inference.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragqa.corpus.text import named_abstract_sections
from ragqa.errors import SourceError, UsageError, nearest
from ragqa.evaluate.tasks.formats.read import read_lines, read_text, string
from ragqa.evaluate.tasks.formats.table import read_table
from ragqa.types import Document, Section

PROMPTS, ANNOTATIONS, ARTICLES = "prompts_merged.csv", "annotations_merged.csv", "txt_files"
LABEL_CODES = {"1": "significantly increased", "-1": "significantly decreased", "0": "no significant difference"}
# fmt: off
FLAGGED_INCORRECT = {
    911, 912, 1262, 1261, 3044, 3248, 3111, 3620, 4308, 4490, 4491, 4324, 4325, 4492, 4824, 5000, 5001, 5002, 5046,
    5047, 4948, 5639, 5710, 5752, 5775, 5782, 5841, 5843, 5861, 5862, 5863, 5964, 5965, 5966, 5975, 4807, 5776,
    5777, 5778, 5779, 5780, 5781, 6034, 6065, 6066, 6666, 6667, 6668, 6669, 7040, 7042, 7944, 8590, 8605, 8606,
    8639, 8640, 8745, 8747, 8749, 8877, 8878, 8593, 8631, 8635, 8884, 8886, 8773, 10032, 10035, 8876, 8875, 8885,
    8917, 8921, 8118, 10885, 10886, 10887, 10888, 10889, 10890,
}
# fmt: on
"""Prompts that the authors' README calls "obviously wrong and should not be included"."""
_PROMPT_COLUMNS = ("PromptID", "PMCID", "Outcome", "Intervention", "Comparator")
_ANNOTATION_COLUMNS = (
    *("PromptID", "PMCID", "Valid Label", "Valid Reasoning", "Label", "Annotations", "Label Code"),
    *("Evidence Start", "Evidence End"),
)
_YES, _NO = ("1", "true"), ("0", "false", "")
_HEADING = re.compile(r"^(TITLE|ABSTRACT|BODY)(?:\.([^\n]*?))?:+[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Published:
    """The prompts of one split.

    Attributes
    ----------
    rows
        A row a prompt, with its line number in :data:`PROMPTS`: ``prompt_id``, ``pmcid``, ``intervention``,
        ``comparator``, ``outcome``, ``label`` and ``evidence``, a list of ``{"text", "in_abstract"}``.
    abstracts
        Title and abstract of each article, by its id ("PMC123").
    counts
        Prompts that are left out or are in doubt: ``n_flagged_incorrect``, ``n_without_valid_annotation``, and
        ``n_annotators_disagree`` (the label of the majority is taken; of a tie, the one that stands first).
    """

    rows: tuple[tuple[int, dict[str, Any]], ...]
    abstracts: Mapping[str, Document]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Annotation:
    label: str
    text: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class _Article:
    text: str
    sections: tuple[tuple[int, int, str, str], ...]  # Begin, end, kind and label of each part in the text.


def is_published(folder: Path) -> bool:
    """Whether the folder holds the files as the authors publish them."""
    return (folder / PROMPTS).is_file()


def read_published(folder: Path, split: str) -> Published:
    """Read one split of the folder with :data:`PROMPTS`, :data:`ANNOTATIONS`, ``splits`` and ``txt_files``.

    Raises
    ------
    UsageError
        There is no such split.
    SourceError
        A file is missing, malformed or does not fit the others.
    """
    articles = _article_ids(folder, split)
    annotations = _annotations(folder / ANNOTATIONS)
    counts = Counter(n_flagged_incorrect=0, n_without_valid_annotation=0, n_annotators_disagree=0)
    rows, texts, seen = [], {}, set[str]()
    for number, row in read_table(folder / PROMPTS, _PROMPT_COLUMNS):
        where = f"{folder / PROMPTS}, line {number}"
        prompt, article = string(row, "PromptID", where), f"PMC{string(row, 'PMCID', where)}"
        if prompt in seen:
            raise SourceError(f"{where}: the prompt {prompt} is there twice; keep one of the two")
        seen.add(prompt)
        if article not in articles:
            continue
        found, flagged = annotations.get(prompt, []), prompt.isdecimal() and int(prompt) in FLAGGED_INCORRECT
        if flagged or not found:
            counts["n_flagged_incorrect" if flagged else "n_without_valid_annotation"] += 1
            continue
        if article not in texts:
            texts[article] = _read_article(folder / ARTICLES / f"{article}.txt")
        counts["n_annotators_disagree"] += len({one.label for one in found}) > 1
        told = {name.lower(): string(row, name, where) for name in ("Intervention", "Comparator", "Outcome")}
        rows.append((number, {"prompt_id": prompt, "pmcid": article, **told, **_finding(found, texts[article])}))
    return Published(tuple(rows), {article: _document(article, text) for article, text in texts.items()}, counts)


def _article_ids(folder: Path, split: str) -> set[str]:
    there = {path.name.removesuffix("_article_ids.txt"): path for path in (folder / "splits").glob("*_article_ids.txt")}
    if not there:
        raise SourceError(f"{folder} holds no splits/SPLIT_article_ids.txt; unpack the whole archive there")
    if split not in there:
        raise UsageError(f"{folder} has no split {split!r}; {nearest(split, there)}")
    ids = set()
    for number, line in read_lines(there[split]):
        if not line.strip().isdigit():
            raise SourceError(f"{there[split]}, line {number}: {line[:60]!r} is no number of an article in PMC")
        ids.add(f"PMC{line.strip()}")
    return ids


def _annotations(path: Path) -> dict[str, list[_Annotation]]:
    """What verifiers let stand, by prompt."""
    found: dict[str, list[_Annotation]] = {}
    for number, row in read_table(path, _ANNOTATION_COLUMNS):
        where = f"{path}, line {number}"
        prompt, label = string(row, "PromptID", where), row["Label"].strip()
        valid = [_told(row, column, where) for column in ("Valid Label", "Valid Reasoning")]
        if not all(valid) or label == "invalid prompt" or not row["Annotations"].strip():
            continue
        # Label is spelt in several ways ("significantly increase"); its code is not.
        code = row["Label Code"].strip().removesuffix(".0")
        if code not in LABEL_CODES:
            raise SourceError(f"{where}: the label code is {row['Label Code']!r}; {nearest(code, LABEL_CODES)}")
        begin, end = (_offset(row, column, where) for column in ("Evidence Start", "Evidence End"))
        found.setdefault(prompt, []).append(_Annotation(LABEL_CODES[code], row["Annotations"], begin, end))
    return found


def _told(row: Mapping[str, str], column: str, where: str) -> bool:
    value = row[column].strip().lower().removesuffix(".0")
    if value not in (*_YES, *_NO):
        raise SourceError(f"{where}: {column!r} is {row[column]!r}; it must be True or False, or 1 or 0")
    return value in _YES


def _offset(row: Mapping[str, str], column: str, where: str) -> int:
    try:
        return int(float(row[column]))
    except (ValueError, OverflowError):
        raise SourceError(f"{where}: {column!r} must be a whole number; it is {row[column]!r}") from None


def _finding(found: Sequence[_Annotation], article: _Article) -> dict[str, Any]:
    label = Counter(one.label for one in found).most_common(1)[0][0]
    evidence = [part for one in found if one.label == label for part in _evidence(one, article)]
    return {"label": label, "evidence": evidence}


def _evidence(one: _Annotation, article: _Article) -> Iterator[dict[str, Any]]:
    """The annotation's text, or where it stands in the abstract, the abstract's own words, section by section."""
    begin, end = _place(one, article.text)
    inside = [
        (max(begin, first), min(end, last))
        for first, last, kind, _ in article.sections
        if kind == "ABSTRACT" and begin < last and end > first
    ]
    for first, last in inside:
        if text := article.text[first:last].strip():
            yield {"text": text, "in_abstract": True}
    if not inside:
        yield {"text": " ".join(one.text.split()), "in_abstract": False}


def _place(one: _Annotation, text: str) -> tuple[int, int]:
    """Where the annotation's words stand in the article, nearest to the offsets given, which may be a little off.

    Words that do not stand there at all have the offsets given, or none: (-1, -1).
    """
    words = one.text.strip()
    places = [match.start() for match in re.finditer(re.escape(words), text)]
    if places:
        begin = min(places, key=lambda place: abs(place - one.begin))
        return begin, begin + len(words)
    return (one.begin, min(one.end, len(text))) if 0 <= one.begin < one.end else (-1, -1)


def _read_article(path: Path) -> _Article:
    if not path.is_file():
        raise SourceError(f"the article {path} is missing; unpack the whole archive there")
    text = read_text(path)
    heads = list(_HEADING.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)][: len(heads)]
    parts = [(head.end(), end, head[1], head[2] or "") for head, end in zip(heads, ends, strict=True)]
    if not parts:
        raise SourceError(f"{path} holds no line 'TITLE:' or 'ABSTRACT…:'; unpack the archive's {ARTICLES} again")
    return _Article(text, tuple(parts))


def _document(article: str, text: _Article) -> Document:
    parts = [(text.text[begin:end].strip(), kind, label) for begin, end, kind, label in text.sections]
    title = " ".join(" ".join(part for part, kind, _ in parts if kind == "TITLE").split())
    abstract = [(part, label.strip(" :."), "") for part, kind, label in parts if kind == "ABSTRACT" and part]
    return Document(article, (Section("title", title), *named_abstract_sections(abstract)))
