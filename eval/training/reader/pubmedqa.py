"""PubMedQA: questions with the results alone, the conclusion alone, and both."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from examples import NO, NOTHING, UNKNOWN, YES, Example, Pool
from texts import held_back, sentences_of, silent
from wording import swapped


def load_pubmedqa(path: Path) -> list[dict[str, Any]]:
    """The labelled questions with their abstracts' sentences; ``n_context`` tells where the conclusion begins."""
    rows = []
    for key, record in json.loads(path.read_text(encoding="utf-8")).items():
        context = [sentence for text in record["CONTEXTS"] for sentence in sentences_of(text)]
        labels = [
            label for text, label in zip(record["CONTEXTS"], record["LABELS"], strict=True) for _ in sentences_of(text)
        ]
        rows.append({"id": key, "question": record["QUESTION"], "label": record["final_decision"], "context": context,
                     "labels": labels, "conclusion": sentences_of(record["LONG_ANSWER"])})  # fmt: skip
    return rows


def pubmedqa(path: Path, chance: random.Random) -> list[Pool]:
    """Questions with the results alone, the conclusion alone, and both."""
    pool = Pool("pubmedqa.stance", 0.12)
    rows = [row for row in load_pubmedqa(path) if not held_back(row["id"], 5)]
    for row in rows:
        label = {"yes": YES, "no": NO, "maybe": UNKNOWN}[row["label"]]
        for turn in range(2 if label == YES else 4):
            results = row["context"][-chance.randint(2, 6) :]
            parts = [results, row["conclusion"], [*results, *row["conclusion"]]][chance.choice((0, 1, 1, 2))]
            flags = [int(sentence in row["conclusion"]) if parts is not results else -1 for sentence in parts]
            question = row["question"]
            if label == YES and turn == 1 and all(flag >= 0 for flag in flags) and (opposed := swapped(question)):
                pool.add(_asked(opposed, parts, flags, NO))
            elif label != UNKNOWN:
                pool.add(_asked(question, parts, flags, label))
        if chance.random() < 0.6:
            other = chance.choice(rows)
            if other is not row:
                pool.add(silent(row["question"], other["conclusion"], stance=True))
        if chance.random() < 0.4:
            pool.add(silent(row["question"], row["context"][: chance.randint(1, 3)], stance=True))
    return [pool]


def _asked(question: str, sentences: Sequence[str], flags: Sequence[int], label: int) -> Example:
    each = tuple(label if flag == 1 and sum(flags) == 1 else label | NOTHING for flag in flags)
    return Example(question, tuple(sentences), tuple(flags), stance=each, stance_of_all=label, relevance=1)
