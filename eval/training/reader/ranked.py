"""Texts that training and its figures search by BM25."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import bm25s
from texts import read_lines


class Ranked:
    """Texts by key, searched by BM25."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self.keys = list(texts)
        self._ranker = bm25s.BM25(k1=0.9, b=0.4)
        tokens = bm25s.tokenize(list(texts.values()), stopwords="en", show_progress=False)
        self._ranker.index(tokens, show_progress=False)

    def found(self, query: str, k: int) -> list[str]:
        """The keys of the first k hits."""
        tokens = bm25s.tokenize([query], stopwords="en", show_progress=False)
        places, _ = self._ranker.retrieve(tokens, k=k, show_progress=False)
        return [self.keys[place] for place in places[0]]


@cache
def bioasq_passages(folder: Path) -> Ranked:
    """BioASQ's passages, indexed once; ``folder`` holds corpus.jsonl."""
    return Ranked({row["_id"]: row["text"] for row in read_lines(folder / "corpus.jsonl")})


def gold_passages(folder: Path) -> dict[str, list[str]]:
    """The keys of the passages that answer each question; ``folder`` holds qrels/test.tsv."""
    gold: dict[str, list[str]] = defaultdict(list)
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            gold[query].append(document)
    return gold
