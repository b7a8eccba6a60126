"""Makes corpora of any size for benchmarks, and for nothing else: a real corpus's sentences put together anew.

    python eval/benchmarks/synthetic.py --abstracts FILE [--pubmed-xml FOLDER] --documents N --out FOLDER [--seed 1]

FILE is JSON lines with ``title`` and ``text`` (may be .gz). FOLDER gives the facts of records (year, journal, types,
MeSH, keywords, languages, authors), drawn record by record, so that they go together. What is written is JSON lines
that ``ragqa corpus build`` reads with ``format = "jsonl"``, 30,000 documents a file as in PubMed. The same seed gives
the same bytes.

Texts. The sentences of all abstracts are used once, in runs of three neighbours in an order of chance, then all again
in another; each document has as many as some real one. So lengths are those of the real corpus.

Words. A second round of the same sentences has no new words, while real text always has: the vocabulary of n words of
text grows as K n^β (Heaps 1978). β and K are measured on the real corpus. From the second round on, words of sentences
give way to made ones, as many as the growth lacks; half of the places get a word that is new, half repeat an earlier
place, so that few made words are frequent and most are rare, as in real text (Simon 1955).
"""

import argparse
import gzip
import itertools
import json
import random
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ragqa.corpus.formats import corpus_format
from ragqa.corpus.sentences import split_sentences
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.words import tokens
from ragqa.types import Document

PER_FILE = 30_000
_NEIGHBOURS = 3
_SHARE_NEW = 0.5
_CURVE_FROM = 0.05  # growth is fitted from this share of the text on, where it has its later form
_CONSONANTS, _VOWELS = "bcdfghjklmnpqrstvwxz", "aeiou"


@dataclass(frozen=True, slots=True)
class Growth:
    """Heaps' law: ``n`` words of text have ``scale`` · n ** ``exponent`` different ones."""

    exponent: float
    scale: float

    def vocabulary(self, n_tokens: int) -> float:
        """Different words expected in ``n_tokens`` words of text."""
        return float(self.scale * n_tokens**self.exponent)

    @classmethod
    def fitted(cls, n_tokens: Sequence[int], n_words: Sequence[int]) -> "Growth":
        """Least squares of the logarithms from a twentieth of the text on; the curve meets the last point."""
        begin = int(np.searchsorted(n_tokens, _CURVE_FROM * n_tokens[-1]))
        exponent = float(np.polyfit(np.log(n_tokens[begin:]), np.log(n_words[begin:]), 1)[0])
        return cls(exponent, float(n_words[-1] / n_tokens[-1] ** exponent))


@dataclass(frozen=True, slots=True)
class Source:
    """What is taken from a real corpus.

    Attributes
    ----------
    sentences, titles
        Texts as they stand in JSON, without quotation marks.
    n_tokens
        The words of each sentence, int64 [n_sentences].
    title_tokens
        Likewise of each title.
    lengths
        Sentences of each abstract.
    facts
        What records say beside their texts, each as members of a JSON object.
    words
        The vocabulary, in lower case.
    """

    sentences: list[str]
    titles: list[str]
    n_tokens: np.ndarray
    title_tokens: np.ndarray
    lengths: list[int]
    facts: list[str]
    words: frozenset[str]
    growth: Growth


def read_source(abstracts: Path, pubmed_xml: Path | None = None) -> Source:
    """Read the abstracts, measure the growth of their vocabulary, and collect facts of records."""
    sentences: list[str] = []
    titles: list[str] = []
    n_tokens: list[int] = []
    title_tokens: list[int] = []
    lengths: list[int] = []
    words: set[str] = set()
    curve: list[tuple[int, int]] = []
    for document in _read_lines(abstracts):
        title, text = document.get("title", ""), document.get("text", "")
        own = [text[begin:end] for begin, end in split_sentences(text)]
        if not own:
            continue
        of_title = tokens(title)
        words.update(of_title)
        for sentence in own:
            found = tokens(sentence)
            words.update(found)
            n_tokens.append(len(found))
        sentences += map(_in_json, own)
        titles.append(_in_json(title))
        title_tokens.append(len(of_title))
        lengths.append(len(own))
        total = (curve[-1][0] if curve else 0) + len(of_title) + sum(n_tokens[-len(own) :])
        curve.append((total, len(words)))
    facts = [*_facts(pubmed_xml)] if pubmed_xml else [""]
    growth = Growth.fitted(*zip(*curve, strict=True))
    counts, of_titles = np.array(n_tokens), np.array(title_tokens)
    return Source(sentences, titles, counts, of_titles, lengths, facts, frozenset(words), growth)


class Synthetic:
    """A stream of documents; what it gives depends on the source, the seed and what was asked before."""

    def __init__(self, source: Source, seed: int = 1) -> None:
        self.n_tokens = 0
        self._source = source
        self._random = random.Random(seed)
        self._sentences = _rounds(len(source.sentences), _NEIGHBOURS, np.random.default_rng([seed, 1]))
        self._titles = _rounds(len(source.titles), 1, np.random.default_rng([seed, 2]))
        self._lengths = _rounds(len(source.lengths), 1, np.random.default_rng([seed, 3]))
        self._numbers = itertools.count()
        self._n_made = 0
        self._made: list[str] = []
        self._places = array("I")

    def lines(self, ids: Iterable[int]) -> Iterator[str]:
        """A line of JSON for each id."""
        source = self._source
        for number in ids:
            n_sentences = source.lengths[next(self._lengths)]
            chosen = list(itertools.islice(self._sentences, n_sentences))
            title = next(self._titles)
            self.n_tokens += int(source.n_tokens[chosen].sum()) + int(source.title_tokens[title])
            texts = [source.sentences[place] for place in chosen]
            self._renew(texts)
            facts = self._random.choice(source.facts)
            text = " ".join(texts)
            yield f'{{"_id": "{number}", "title": "{source.titles[title]}", "text": "{text}"{facts}}}\n'

    def _renew(self, texts: list[str]) -> None:
        """Put made words in the place of others until the vocabulary is as large as it should be."""
        lacking = self._source.growth.vocabulary(self.n_tokens) - len(self._source.words)
        while len(self._made) < lacking:
            place = self._random.randrange(len(texts))
            words = texts[place].split(" ")
            word = self._random.randrange(len(words))
            if not words[word].isalpha():
                continue
            words[word] = self._made_word()
            texts[place] = " ".join(words)

    def _made_word(self) -> str:
        if not self._places or self._random.random() < _SHARE_NEW:
            self._places.append(len(self._made))
            self._made.append(next(word for word in map(made_word, self._numbers) if word not in self._source.words))
        else:
            self._places.append(self._random.choice(self._places))
        return self._made[self._places[-1]]


def made_word(number: int) -> str:
    """A word that can be spoken: another one for each number.

    >>> made_word(0), made_word(12345)
    ('bebabax', 'cilonux')
    """
    syllables = []
    n_syllables = len(_CONSONANTS) * len(_VOWELS)
    number += n_syllables**2  # three syllables at least
    while number:
        number, rest = divmod(number, n_syllables)
        consonant, vowel = divmod(rest, len(_VOWELS))
        syllables.append(_CONSONANTS[consonant] + _VOWELS[vowel])
    return "".join(reversed(syllables)) + "x"


def write_corpus(stream: Synthetic, ids: Sequence[int], folder: Path, first_file: int = 1) -> list[Path]:
    """Write a document for each id, in files of ``PER_FILE`` numbered from ``first_file`` on; these."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, start in enumerate(range(0, len(ids), PER_FILE), start=first_file):
        path = folder / f"synthetic{number:05d}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(stream.lines(ids[start : start + PER_FILE]))
        paths.append(path)
    return paths


def _rounds(n: int, n_neighbours: int, generator: np.random.Generator) -> Iterator[int]:
    """The numbers below ``n``, again and again, each time as runs of neighbours in an order of chance."""
    while True:
        shift = int(generator.integers(n_neighbours))
        edges = np.unique(np.concatenate([[0], np.arange(shift, n, n_neighbours), [n]]))
        for run in generator.permutation(len(edges) - 1):
            yield from range(int(edges[run]), int(edges[run + 1]))


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _facts(folder: Path) -> Iterator[str]:
    """The facts of each record of PubMed in a folder, ``, "year": 2001, …``."""
    layout = corpus_format("pubmed-xml")
    for path in sorted(path for pattern in layout.patterns for path in folder.glob(pattern)):
        for record in layout.read(path, CorpusSettings((), "pubmed-xml")):
            if isinstance(record, Document):
                facts = {
                    "year": record.year,
                    "journal": record.journal,
                    "authors": record.authors,
                    "publication_types": [kind.name for kind in record.publication_types],
                    "mesh": [heading.name for heading in record.mesh],
                    "keywords": record.keywords,
                    "languages": record.languages,
                }
                yield "".join(f', "{name}": {json.dumps(value)}' for name, value in facts.items() if value)


def main() -> None:
    """Write a corpus and tell what it has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--abstracts", type=Path, required=True)
    parser.add_argument("--pubmed-xml", type=Path)
    parser.add_argument("--documents", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    source = read_source(arguments.abstracts, arguments.pubmed_xml)
    stream = Synthetic(source, arguments.seed)
    paths = write_corpus(stream, range(1, arguments.documents + 1), arguments.out)
    print(
        f"{arguments.documents:,} documents, {stream.n_tokens:,} words in {len(paths)} files; vocabulary grows as "
        f"{source.growth.scale:.1f} n^{source.growth.exponent:.3f}"
    )


if __name__ == "__main__":
    main()
