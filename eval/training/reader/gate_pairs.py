"""Questions with documents that answer them, and with others of the same kind and length: the nearest, and any."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from items import Item
from ranked import Ranked, bioasq_passages, gold_passages
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


def gate_pairs(items: Sequence[Item], data: Path) -> Iterator[Pair]:
    """BioASQ's questions among their passages, PubMedQA's and those on trials among abstracts.

    Answering and other documents of a question are of one kind, so that their length does not tell them apart. BM25's
    other hits are not all judged: some do answer, so that answers without evidence are counted too high. A question
    of PubMedQA is its article's title: all documents come without one.
    """
    passages = bioasq_passages(data / "beir" / "bioasq-passages")
    abstracts = Ranked({
        row["_id"]: row["text"]
        for row in read_lines(data / "bulk" / "abstracts.jsonl.gz")
        if row["title"] and row["text"]
    })  # fmt: skip
    gold = gold_passages(data / "beir" / "bioasq-passages")
    done = set()
    for item in items:
        key = item.gold.id
        if item.source == "bioasq-10b":
            if key in gold and key not in done:
                done.add(key)
                yield _among_passages(item, passages, gold[key])
        elif item.source != "pubmedqa-reasoning-required":
            yield _among_abstracts(item, abstracts)


def _among_passages(item: Item, passages: Ranked, gold: Sequence[str]) -> Pair:
    hits = passages.found(item.text, 40)
    own = sorted(gold, key=lambda key: (hits.index(key) if key in hits else len(hits), key))
    others = _others(passages, item.text, gold)
    return Pair(item.source, item.gold.id, item.question,
                _documents(passages, own[:N_DOCUMENTS]), _documents(passages, others))  # fmt: skip


def _among_abstracts(item: Item, abstracts: Ranked) -> Pair:
    own = tuple(_without_title(document) for document in item.documents[:N_DOCUMENTS])
    text = " ".join(section.text for document in own for section in document.sections)
    same = {
        key
        for key in abstracts.found(item.text, N_DOCUMENTS + 5)
        if any(part in text for part in (abstracts.texts[key][:80], abstracts.texts[key][-80:]))
        or text[:80] in abstracts.texts[key]
    }
    others = _others(abstracts, item.text, same)
    return Pair(item.source, item.gold.id, item.question, own, _documents(abstracts, others))


def _others(ranked: Ranked, query: str, gold: Collection[str]) -> list[str]:
    """The keys of the first hits that are none of these, and some at random."""
    hits = [key for key in ranked.found(query, N_DOCUMENTS + len(gold) + 5) if key not in gold][:N_DOCUMENTS]
    drawn = random.Random(query).sample(ranked.keys, N_RANDOM + len(gold))
    return [*hits, *[key for key in drawn if key not in gold and key not in hits][:N_RANDOM]]


def _documents(ranked: Ranked, keys: Sequence[str]) -> tuple[Document, ...]:
    return tuple(Document(key, (Section("abstract", ranked.texts[key]),)) for key in keys)


def _without_title(document: Document) -> Document:
    return Document(document.id, tuple(section for section in document.sections if section.name != "title"))
