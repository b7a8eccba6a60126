"""SciFact's claims: what the abstracts that a claim's source cites say to it, and in which sentences.

The claims are read in the official form (``claims_dev.jsonl``) and as a table (``claims_dev.csv``, a line for each
evidence set); the abstracts from the official ``corpus.jsonl``, which divides them into sentences, or from BEIR's,
which does not: sentence numbers mean nothing there, and nothing is scored by the sentence.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ragqa.errors import SourceError, nearest
from ragqa.evaluate.tasks.claims.pair import claim_question, claim_task
from ragqa.evaluate.tasks.evidence import (
    CLAIM_LABELS,
    CONTRADICTS,
    NEITHER,
    SUPPORTS,
    GoldEvidence,
    Place,
    joined_sentences,
)
from ragqa.evaluate.tasks.formats.read import listed, read_json_lines, string
from ragqa.evaluate.tasks.formats.splits import chosen_setting, split_file
from ragqa.evaluate.tasks.formats.table import read_table
from ragqa.evaluate.tasks.task import CorpusSource, Task, TaskQuestion
from ragqa.types import Document, Section

NAME = "scifact-claims"
SETTINGS = ("abstract", "sentences", "open")
LABELS = {"SUPPORT": SUPPORTS, "CONTRADICT": CONTRADICTS}
_BESIDE = ("corpus.jsonl", "data/corpus.jsonl", "../scifact/corpus.jsonl", "../beir/scifact/corpus.jsonl")
_COLUMNS = ("id", "claim", "evidence_doc_id", "evidence_label", "evidence_sentences", "cited_doc_ids")


@dataclass(slots=True)
class Claim:
    """A claim: the documents that its source cites, and of those with evidence the label and the evidence sets."""

    id: str
    text: str
    cited: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    sets: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)

    def add(self, document_id: str, label: str, sentences: tuple[int, ...], where: str) -> None:
        """Add one evidence set."""
        if label not in LABELS:
            raise SourceError(f"{where}: the label is {label!r}; {nearest(label, LABELS)}")
        if self.labels.setdefault(document_id, LABELS[label]) != LABELS[label]:
            raise SourceError(
                f"{where}: document {document_id} both supports and contradicts claim {self.id}; keep one of the two"
            )
        if sentences and sentences not in self.sets.setdefault(document_id, []):
            self.sets[document_id].append(sentences)


@dataclass(frozen=True, slots=True)
class Abstract:
    """An abstract; without ``places`` where the file does not divide it into sentences."""

    document: Document
    places: tuple[Place, ...] = ()


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read SciFact's claims.

    Parameters
    ----------
    data
        The folder with ``claims_train``, ``claims_dev`` (``.jsonl`` or ``.csv``), or one of these files.
        ``corpus.jsonl`` stands in it or beside it (also as ``../scifact`` or ``../beir/scifact``).
    split
        ``dev`` (default) or ``train``; the official test file has no labels.
    setting
        ``abstract`` (default): each claim with each abstract that its source cites, one question a pair; a cited
        abstract without evidence is ``neither``. ``sentences``: the gold evidence sentences alone, of the pairs that
        have any. ``open``: the claim alone; the system searches, by default BEIR's corpus.jsonl beside the claims.

    Raises
    ------
    UsageError
        No data, or an unknown split or setting, was given.
    SourceError
        A file is missing or malformed, there are no labels, or evidence is not in the corpus.
    """
    path, split = split_file(NAME, data, split, ("claims_{split}.jsonl", "claims_{split}.csv"))
    setting = chosen_setting(NAME, setting, SETTINGS)
    claims = read_claims(path)
    wanted = {document_id for claim in claims for document_id in (*claim.cited, *claim.labels)}
    corpus_path = _corpus_beside(path)
    abstracts = read_abstracts(corpus_path, wanted)
    _check_evidence(claims, abstracts, path, corpus_path)
    divided = all(abstract.places for abstract in abstracts.values())
    if setting == "sentences" and not divided:
        raise SourceError(
            f"{corpus_path} does not divide abstracts into sentences; put SciFact's own corpus.jsonl beside the claims "
            "(ragqa eval fetch scifact-claims)"
        )
    n_lost = sum(document_id not in abstracts for claim in claims for document_id in claim.cited)
    note = f"{corpus_path.name} does not divide abstracts into sentences: evidence is scored by the abstract only"
    scorers: tuple[str, ...] = ("labels", "calibration", "verification", "rationale")
    task = claim_task(
        NAME,
        [question for claim in claims for question in _questions(claim, abstracts, setting)],
        CLAIM_LABELS,
        split,
        setting,
        origin=str(path),
        counts={"n_claims": len(claims), "n_cited_not_in_corpus": n_lost},
        notes=() if divided else (note,),
        scorers=scorers if divided else scorers[:3],
    )
    if setting != "open":
        return (task,)
    corpus = None if divided else CorpusSource("beir", corpus_path.parent)
    measures = ("nDCG@10", "R@10", "R@100")
    return (replace(task, scorers=("retrieval", *scorers[:3]), measures=measures, corpus=corpus),)


def read_claims(path: Path) -> list[Claim]:
    """The claims of a file, JSON lines or a table."""
    claims = _claims_of_table(path) if path.suffix == ".csv" else _claims_of_lines(path)
    if not any(claim.labels for claim in claims):
        raise SourceError(
            f"{path}: none of the {len(claims)} claims has evidence; the official test file hides it: give the "
            "development file"
        )
    return claims


def read_abstracts(path: Path, wanted: Iterable[str]) -> dict[str, Abstract]:
    """The wanted abstracts of a corpus, SciFact's own or BEIR's."""
    left = set(wanted)
    found: dict[str, Abstract] = {}
    for number, row in read_json_lines(path):
        where = f"{path}, line {number}"
        key = "doc_id" if "doc_id" in row else "_id"
        document_id = string(row, key, where)
        if document_id in found:
            raise SourceError(f"{where}: the document {document_id} is there twice; keep one of the two")
        if document_id in left:
            found[document_id] = _abstract(document_id, row, where)
    return found


def _abstract(document_id: str, row: Mapping[str, Any], where: str) -> Abstract:
    title = Section("title", str(row.get("title", "")))
    if "abstract" in row:
        sentences = row["abstract"]
        if not isinstance(sentences, list) or not all(isinstance(text, str) for text in sentences):
            raise SourceError(f"{where}: 'abstract' must be a list of sentences; give SciFact's own corpus.jsonl")
        section, places = joined_sentences(document_id, [text.strip() for text in sentences])
        return Abstract(Document(document_id, (title, section)), places)
    text = row.get("text")
    if not isinstance(text, str):
        raise SourceError(f"{where}: neither 'abstract' (SciFact) nor 'text' (BEIR) is there; give one of these files")
    return Abstract(Document(document_id, (title, Section("abstract", text))))


def _corpus_beside(path: Path) -> Path:
    for name in _BESIDE:
        if (path.parent / name).is_file():
            return path.parent / name
    raise SourceError(
        f"there is no corpus.jsonl beside {path}; put SciFact's own (or BEIR's) there: the claims name their documents "
        "by id only"
    )


def _claims_of_lines(path: Path) -> list[Claim]:
    claims = []
    for number, row in read_json_lines(path):
        where = f"{path}, line {number}"
        claim = Claim(string(row, "id", where), string(row, "claim", where))
        claim.cited = [str(document_id) for document_id in _list(row.get("cited_doc_ids", []), where, "cited_doc_ids")]
        evidence = row.get("evidence", {})
        if not isinstance(evidence, dict):
            raise SourceError(f"{where}: 'evidence' must be an object of evidence sets by document")
        for document_id, sets in evidence.items():
            for one in _list(sets, where, f"evidence {document_id}"):
                numbers = tuple(_list(one.get("sentences", []), where, "sentences"))
                claim.add(document_id, str(one.get("label", "")), numbers, where)
        claims.append(claim)
    _check_twice([claim.id for claim in claims], path)
    return claims


def _claims_of_table(path: Path) -> list[Claim]:
    claims: dict[str, Claim] = {}
    last = ""
    for number, row in read_table(path, _COLUMNS):
        where = f"{path}, line {number}"
        claim_id, text = string(row, "id", where), string(row, "claim", where)
        if claim_id in claims and (claim_id != last or claims[claim_id].text != text):
            raise SourceError(f"{where}: the claim {claim_id} is there twice; keep the lines of one of the two")
        last = claim_id
        claim = claims.setdefault(claim_id, Claim(claim_id, text, re.findall(r"\d+", row["cited_doc_ids"])))
        if row["evidence_label"].strip():
            numbers = tuple(int(digits) for digits in re.findall(r"\d+", row["evidence_sentences"]))
            claim.add(string(row, "evidence_doc_id", where), row["evidence_label"].strip(), numbers, where)
    return list(claims.values())


def _questions(claim: Claim, abstracts: Mapping[str, Abstract], setting: str) -> Iterable[TaskQuestion]:
    if setting == "open":
        yield _open_question(claim, abstracts)
        return
    for document_id in dict.fromkeys((*claim.labels, *claim.cited)):
        if document_id not in abstracts:
            continue
        abstract = abstracts[document_id]
        label = claim.labels.get(document_id, NEITHER)
        rationales = _rationales(abstract, claim.sets.get(document_id, []))
        evidence: tuple[GoldEvidence, ...] = ()
        if label != NEITHER:
            evidence = (GoldEvidence(document_id, label, rationales),)
        document, places = abstract.document, abstract.places
        if setting == "sentences":
            if not rationales:
                continue
            document, evidence, places = _only_evidence(document, label, rationales)
        yield claim_question(
            f"{claim.id}/{document_id}", claim.text, label, (document,), evidence=evidence, sentences=places
        )


def _open_question(claim: Claim, abstracts: Mapping[str, Abstract]) -> TaskQuestion:
    """The claim to be searched for; without a label where its documents contradict each other."""
    labels = set(claim.labels.values())
    evidence = tuple(
        GoldEvidence(document_id, label, _rationales(abstracts[document_id], claim.sets.get(document_id, [])))
        for document_id, label in claim.labels.items()
    )
    question = claim_question(
        claim.id,
        claim.text,
        "" if len(labels) > 1 else next(iter(labels), NEITHER),
        (),
        evidence=evidence,
        sentences=tuple(place for document_id in claim.labels for place in abstracts[document_id].places),
    )
    return replace(question, relevant=dict.fromkeys(claim.labels, 1))


def _rationales(abstract: Abstract, sets: Sequence[tuple[int, ...]]) -> tuple[tuple[Place, ...], ...]:
    """Evidence sets as places; none where the abstract is not divided into sentences."""
    return tuple(tuple(abstract.places[number] for number in numbers) for numbers in sets if abstract.places)


def _only_evidence(
    document: Document, label: str, rationales: tuple[tuple[Place, ...], ...]
) -> tuple[Document, tuple[GoldEvidence, ...], tuple[Place, ...]]:
    """The document cut down to its evidence, which then is all of it."""
    text = next(section.text for section in document.sections if section.name == "abstract")
    old = sorted({place for rationale in rationales for place in rationale})
    section, new = joined_sentences(document.id, [text[place.begin : place.end] for place in old])
    moved = dict(zip(old, new, strict=True))
    gold = GoldEvidence(document.id, label, tuple(tuple(moved[place] for place in places) for places in rationales))
    return Document(document.id, (section,)), (gold,), new


def _check_evidence(claims: Sequence[Claim], abstracts: Mapping[str, Abstract], path: Path, corpus: Path) -> None:
    lost = sorted({document_id for claim in claims for document_id in claim.labels if document_id not in abstracts})
    if lost:
        raise SourceError(
            f"{path}: {len(lost)} documents with evidence are not in {corpus} ({listed(lost)}); give the corpus that "
            "belongs to the claims"
        )
    for claim in claims:
        for document_id, sets in claim.sets.items():
            n_sentences = len(abstracts[document_id].places)
            outside = [number for numbers in sets for number in numbers if number >= n_sentences > 0]
            if outside:
                raise SourceError(
                    f"{path}: claim {claim.id} names sentence {outside[0]} of document {document_id}, which has "
                    f"{n_sentences} in {corpus}; give the corpus that belongs to the claims"
                )


def _check_twice(ids: Sequence[str], path: Path) -> None:
    twice = sorted({claim_id for claim_id in ids if ids.count(claim_id) > 1})
    if twice:
        raise SourceError(f"{path}: {len(twice)} claims are there twice ({listed(twice)}); keep one of each")


def _list(value: Any, where: str, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise SourceError(f"{where}: {key!r} must be a list; it is {str(value)[:60]!r}")
    return value
