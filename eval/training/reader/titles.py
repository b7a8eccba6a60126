"""Titles that are statements, as claims, with the conclusions of their abstracts; and titles as queries."""

import random
import re
from collections.abc import Sequence
from pathlib import Path

from examples import NO, NO_DIFFERENCE, NOTHING, SAYS_NOTHING, UNKNOWN, YES, Example, Pool
from texts import directions, overlap, read_lines, sentences_of, window
from wording import negated, undone

from ragqa.answer.assertion import asserted
from ragqa.answer.extractive.relation import masked
from ragqa.answer.opposite import opposed

_FINITE = re.compile(
    r"\b(?:is|are|was|were|does|do|did|can|may|increases?|decreases?|reduces?|improves?|prevents?|enhances?|inhibits?"
    r"|promotes?"
    r"|induces?|causes?|protects?|raises?|lowers?|affects?|predicts?|attenuates?|suppress(?:es)?|impairs?|stimulates?"
    r"|delays?"
    r"|increased|decreased|reduced|improved|ameliorates?|alleviates?|worsens?|exacerbates?|blocks?|activates?)\b",
    re.IGNORECASE,
)  # fmt: skip


def titles(path: Path, left_out: frozenset[str], chance: random.Random) -> list[Pool]:
    """Titles that are statements, as claims, with the conclusions of their abstracts; and titles as queries."""
    stance, direction, relevance = (
        Pool("titles.stance", 0.08),
        Pool("titles.direction", 0.10),
        Pool("titles.relevance", 0.02),
    )
    rows = [
        row for row in read_lines(path) if row["metadata"]["source"] not in left_out and row["title"] and row["text"]
    ]
    bodies = []
    for row in rows:
        if len(bodies) < 4000 and chance.random() < 0.3:
            bodies.append((row["title"], sentences_of(row["text"])))
        title = row["title"].strip().rstrip(".")
        told = asserted(title)
        if title.endswith("?") or title.startswith("[") or told.direction not in {"increase", "decrease"}:
            continue
        if not _FINITE.search(title) or not 5 <= len(title.split()) <= 25:
            continue
        sentences = sentences_of(row["text"])
        near = max(
            range(len(sentences)),
            key=lambda p: overlap(title, sentences[p]) + 0.1 * (p >= len(sentences) - 2),
            default=None,
        )
        if near is None or overlap(title, sentences[near]) < 0.5 or near < len(sentences) / 2:
            continue
        _add_title(title, sentences, near, stance, direction, chance)
    for title, sentences in bodies:
        if len(sentences) >= 3:
            others = chance.sample(bodies, 4)
            relevance.add(
                *(
                    Example(
                        title,
                        tuple(body[p] for p in window(body, [chance.randrange(len(body))], chance)),
                        relevance=int(body is sentences),
                    )
                    for body in (sentences, *(other for _, other in others if other is not sentences))
                )
            )
    return [stance, direction, relevance]


def _add_title(
    title: str, sentences: list[str], near: int, stance: Pool, direction: Pool, chance: random.Random
) -> None:
    places = window(sentences, [near], chance, 90)
    flags = tuple(int(place == near) for place in places)
    passage = [sentences[place] for place in places]
    told = directions(title, true=True)
    same_way = asserted(sentences[near])
    turned = opposed(sentences[near])
    flipped = [turned if flag else s for flag, s in zip(flags, passage, strict=True)] if turned else None
    other_title = opposed(title)
    silent = sentences[: max(1, near // 2)][:2]
    agrees = same_way.direction == asserted(title).direction
    n = len(silent)
    if query := masked(title):
        _add_direction(direction, query, passage, flags, told)
        if flipped and agrees:
            _add_direction(direction, query, flipped, flags, directions(title, true=False) & ~NO_DIFFERENCE)
        if none := undone(sentences[near]):
            _add_direction(
                direction,
                query,
                [none if flag else s for flag, s in zip(flags, passage, strict=True)],
                flags,
                NO_DIFFERENCE,
            )
    way = chance.choice(("same", "title", "evidence", "both", "deny", "silent"))
    if way == "title" and other_title and agrees:
        _add_stance(stance, other_title, passage, flags, NO)
    elif way == "evidence" and flipped and agrees:
        _add_stance(stance, title, flipped, flags, NO)
    elif way == "both" and other_title and flipped and agrees:
        _add_stance(stance, other_title, flipped, flags, YES)
    elif way == "deny" and (other := negated(title)):
        _add_stance(stance, other, passage, flags, NO)
    elif way == "silent":
        stance.add(Example(title, tuple(silent), (0,) * n, stance=(NOTHING,) * n, stance_of_all=UNKNOWN))
    else:
        _add_stance(stance, title, passage, flags, YES)


def _add_stance(pool: Pool, claim: str, passage: Sequence[str], flags: tuple[int, ...], label: int) -> None:
    each = tuple(label if flag else label | NOTHING for flag in flags)
    pool.add(Example(claim, tuple(passage), flags, stance=each, stance_of_all=label, relevance=1))


def _add_direction(pool: Pool, query: str, passage: Sequence[str], flags: tuple[int, ...], label: int) -> None:
    each = tuple(label if flag else label | SAYS_NOTHING for flag in flags)
    pool.add(Example(query, tuple(passage), flags, direction=each, direction_of_all=label, relevance=1))
