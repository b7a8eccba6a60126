"""Questions with documents that answer them, and with others of the same kind and length: the nearest, and any."""

import random
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bm25s
from items import Item
from texts import read_lines

from ragqa.types import Document, Question, Section

N_DOCUMENTS, N_RANDOM = 4, 2


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, documents that answer it, and others; ``key`` is the same for questions of one origin."""

    source: str
    key: str
    question: Question
    own: tuple[Document, ...]
    others: tuple[Document, ...]


class Ranked:
    """Texts, searched by BM25."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts
        self._keys = list(texts)
        self._ranker = bm25s.BM25(k1=0.9, b=0.4)
        self._ranker.index(bm25s.tokenize(list(texts.values()), stopwords="en", show_progress=False),
                           show_progress=False)  # fmt: skip

    def found(self, query: str, k: int) -> list[str]:
        """The keys of the first k hits."""
        tokens = bm25s.tokenize([query], stopwords="en", show_progress=False)
        places, _ = self._ranker.retrieve(tokens, k=k, show_progress=False)
        return [self._keys[place] for place in places[0]]

    def others(self, query: str, gold: Collection[str]) -> list[str]:
        """The keys of the first hits that are none of these, and some at random."""
        hits = [key for key in self.found(query, N_DOCUMENTS + len(gold) + 5) if key not in gold][:N_DOCUMENTS]
        drawn = random.Random(query).sample(self._keys, N_RANDOM + len(gold))
        return [*hits, *[key for key in drawn if key not in gold and key not in hits][:N_RANDOM]]

    def documents(self, keys: Sequence[str]) -> tuple[Document, ...]:
        """These texts without titles, as documents."""
        return tuple(Document(key, (Section("abstract", self.texts[key]),)) for key in keys)


def gate_pairs(items: Sequence[Item], data: Path) -> Iterator[Pair]:
    """BioASQ's questions among their passages, PubMedQA's and those on trials among abstracts.

    Answering and other documents of a question are of one kind, so that their length does not tell them apart. BM25's
    other hits are not all judged: some do answer, so that answers without evidence are counted too high. A question
    of PubMedQA is its article's title: all documents come without one.
    """
    passages = Ranked({
        row["_id"]: row["text"] for row in read_lines(data / "beir" / "bioasq-passages" / "corpus.jsonl")
    })  # fmt: skip
    abstracts = Ranked({
        row["_id"]: row["text"]
        for row in read_lines(data / "bulk" / "abstracts.jsonl.gz")
        if row["title"] and row["text"]
    })  # fmt: skip
    gold = _gold_passages(data / "beir" / "bioasq-passages" / "qrels" / "test.tsv")
    done = set()
    for item in items:
        key = item.gold.id
        if item.source == "bioasq-10b":
            if key in gold and key not in done:
                done.add(key)
                yield _among_passages(item, passages, gold[key])
        elif item.source != "pubmedqa-reasoning-required":
            yield _among_abstracts(item, abstracts)


def _gold_passages(path: Path) -> dict[str, list[str]]:
    gold: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            gold[query].append(document)
    return gold


def _among_passages(item: Item, passages: Ranked, gold: Sequence[str]) -> Pair:
    hits = passages.found(item.text, 40)
    own = sorted(gold, key=lambda key: (hits.index(key) if key in hits else len(hits), key))
    others = passages.others(item.text, gold)
    return Pair(item.source, item.gold.id, item.question,
                passages.documents(own[:N_DOCUMENTS]), passages.documents(others))  # fmt: skip


def _among_abstracts(item: Item, abstracts: Ranked) -> Pair:
    own = tuple(_without_title(document) for document in item.documents[:N_DOCUMENTS])
    text = " ".join(section.text for document in own for section in document.sections)
    same = {
        key
        for key in abstracts.found(item.text, N_DOCUMENTS + 5)
        if any(part in text for part in (abstracts.texts[key][:80], abstracts.texts[key][-80:]))
        or text[:80] in abstracts.texts[key]
    }
    others = abstracts.others(item.text, same)
    return Pair(item.source, item.gold.id, item.question, own, abstracts.documents(others))


def _without_title(document: Document) -> Document:
    return Document(document.id, tuple(section for section in document.sections if section.name != "title"))
