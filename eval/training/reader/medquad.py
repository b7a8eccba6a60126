"""MedQuAD: consumers' questions with their answers, and answers to others about the same topic."""

import random
from pathlib import Path
from typing import Any

from examples import Example, Pool
from texts import read_lines, sentences_of, window


def medquad(path: Path, chance: random.Random) -> Pool:
    """Consumers' questions with their answers and answers to others about the same topic."""
    pool = Pool("medquad.relevance", 0.01)
    rows = [row for row in read_lines(path) if row.get("answer") and len(row["answer"].split()) > 15]
    by_focus: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_focus.setdefault(row["focus"], []).append(row)
    for row in chance.sample(rows, 3000):
        near = [other for other in by_focus[row["focus"]] if other["question"] != row["question"]]
        negatives = [*chance.sample(near, min(2, len(near))), *chance.sample(rows, 2)]
        pool.add(
            *(
                Example(row["question"], tuple(body[p] for p in window(body, [0], chance)), relevance=int(item is row))
                for item in (row, *negatives)
                if (body := sentences_of(item["answer"][:3000]))
            )
        )
    return pool
