"""SciFact: claims with supporting, contradicting and silent abstracts, and their contrasts."""

import csv
import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from examples import NO, NOTHING, SAYS_NOTHING, YES, Example, Pool
from texts import directions, held_back, read_lines, sentences_of, silent, window
from wording import negated, swapped, undone, with_other_number

from ragqa.answer.extractive.relation import masked


def load_scifact(claims: Path, corpus: Path) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Claims with their evidence, and the sentences of the abstracts."""
    documents = {row["_id"]: [row["title"], *sentences_of(row["text"])] for row in read_lines(corpus)}
    rows: dict[str, dict[str, Any]] = {}
    with claims.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            row = rows.setdefault(
                line["id"],
                {
                    "id": line["id"],
                    "claim": line["claim"],
                    "evidence": {},
                    "cited": re.findall(r"\d+", line["cited_doc_ids"]),
                },
            )
            if line["evidence_doc_id"]:
                sentences = documents[line["evidence_doc_id"]]
                _, keep = row["evidence"].setdefault(line["evidence_doc_id"], (line["evidence_label"], set()))
                for place in map(int, re.findall(r"\d+", line["evidence_sentences"])):
                    # The file counts from the abstract's own first sentence; ours is the title.
                    keep.add(min(place + 1, len(sentences) - 1))
    return list(rows.values()), documents


def scifact_groups(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """For each claim the name of its group: claims that share an abstract are in one."""
    parent: dict[str, str] = {}

    def find(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            key = parent[key]
        return key

    for row in rows:
        for document in row["cited"]:
            parent[find(f"c{row['id']}")] = find(f"d{document}")
    return {row["id"]: find(f"c{row['id']}") for row in rows}


def scifact(claims: Path, corpus: Path, chance: random.Random) -> list[Pool]:
    """Claims with supporting, contradicting and silent abstracts."""
    rows, documents = load_scifact(claims, corpus)
    group_of = scifact_groups(rows)
    stance, direction = Pool("scifact.stance", 0.14), Pool("scifact.direction", 0.05)
    relevance = Pool("scifact.relevance", 0.04)
    keys = list(documents)
    for row in rows:
        if held_back(group_of[row["id"]], 6):
            continue
        for document, (label, keep) in row["evidence"].items():
            value = YES if label == "SUPPORT" else NO
            for turn in range(4):
                stance.groups.extend(
                    (example,)
                    for example in _claim_examples(row["claim"], documents[document], keep, value, turn, chance)
                )
            bits, query = directions(row["claim"], true=value == YES), masked(row["claim"])
            if bits and query:
                for _ in range(2):
                    places = window(documents[document], sorted(keep), chance)
                    flags = tuple(int(place in keep) for place in places)
                    each = tuple(bits if flag else bits | SAYS_NOTHING for flag in flags)
                    direction.add(Example(query, tuple(documents[document][p] for p in places), flags, direction=each,
                                          direction_of_all=bits, relevance=1))  # fmt: skip
            others = [documents[chance.choice(keys)] for _ in range(3)]
            relevance.add(
                _passage(row["claim"], documents[document], sorted(keep), 1, chance),
                *(_passage(row["claim"], other, [chance.randrange(len(other))], 0, chance) for other in others),
            )
        for document in row["cited"]:
            if document not in row["evidence"] and document in documents:
                sentences = documents[document]
                place = chance.randrange(len(sentences))
                stance.add(
                    silent(row["claim"], [sentences[p] for p in window(sentences, [place], chance)], stance=True)
                )
    return [stance, direction, relevance]


def _passage(
    query: str, sentences: Sequence[str], keep: Sequence[int], relevance: int, chance: random.Random
) -> Example:
    return Example(query, tuple(sentences[place] for place in window(sentences, keep, chance)), relevance=relevance)


def _claim_examples(
    claim: str, sentences: Sequence[str], keep: set[int], label: int, turn: int, chance: random.Random
) -> Iterator[Example]:
    places = window(sentences, sorted(keep), chance)
    chosen = [sentences[place] for place in places]
    flags = [int(place in keep) for place in places]
    made = reworded(claim, chosen, flags, label, turn, chance)
    if made is not None:
        claim, chosen, label = made
    each = tuple(label if flag else label | NOTHING for flag in flags)
    yield Example(claim, tuple(chosen), tuple(flags), stance=each, stance_of_all=label, relevance=1)


def reworded(
    claim: str, sentences: list[str], flags: Sequence[int], label: int, turn: int, chance: random.Random
) -> tuple[str, list[str], int] | None:
    """A contrast of a claim with its evidence: the claim, the evidence or both turned around; None for turn 0."""
    if turn == 0:
        return None
    way = chance.choice(("claim", "evidence", "both", "deny", "undo", "number"))
    if way == "deny":
        denied = negated(claim)
        return (denied, sentences, YES if label == NO else NO) if denied else None
    if way == "both":
        opposed, turned = swapped(claim), _evidence_by(swapped, sentences, flags)
        return (opposed, turned, label) if opposed and turned else None
    return _contradicted(claim, sentences, flags, way, chance) if label == YES else None


def _contradicted(
    claim: str, sentences: list[str], flags: Sequence[int], way: str, chance: random.Random
) -> tuple[str, list[str], int] | None:
    """A supported claim with the claim or its evidence changed so that they contradict each other."""
    if way in {"evidence", "undo"}:
        turned = _evidence_by(swapped if way == "evidence" else lambda s: undone(s) or negated(s), sentences, flags)
        return (claim, turned, NO) if turned else None
    if way == "number" and not _numbers(claim) & _numbers(" ".join(sentences)):
        return None
    changed = swapped(claim) if way == "claim" else with_other_number(claim, chance)
    return (changed, sentences, NO) if changed else None


def _evidence_by(way: Callable[[str], str | None], sentences: Sequence[str], flags: Sequence[int]) -> list[str] | None:
    """The sentences with those that are evidence reworded; None where one of them cannot be."""
    turned = [way(sentence) if flag else sentence for sentence, flag in zip(sentences, flags, strict=True)]
    return [sentence for sentence in turned if sentence is not None] if None not in turned else None


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", text))
