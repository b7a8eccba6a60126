"""Distils a static encoder from a model of sentences: on the words of a corpus and some of its documents, offline.

1. The words that at least ``LEAST_DOCUMENTS`` documents of a sample have join the vocabulary of the model's tokenizer;
   what is none of them is still cut into the model's own pieces.
2. Each token gets the vector that the model gives it alone, centred, times √w, where w = a / (a + p) for a token of
   frequency p in the sample (smooth inverse frequency: Arora, Liang and Ma, ICLR 2017; as in model2vec).
3. Vectors of texts that are sums of these are brought near those that the model gives documents, and their titles by
   themselves, which are as short as questions (:mod:`ragqa.index.static_fit`). ``N_TOKENS`` tokens are encoded for it:
   some 6,000 abstracts, or 40,000 passages of two lines.
"""

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragqa import manifest
from ragqa.corpus.scripts import on_the_line
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import abstract_of, title_of
from ragqa.corpus.words import tokens as words_of
from ragqa.errors import ProductError, RecipeError
from ragqa.index.encoder import DESCRIPTION, TOKENIZER, Encoder, EncoderSpec, TowerSpec
from ragqa.index.encoder_tokens import TextTokenizer, Tokens
from ragqa.index.static_fit import fit
from ragqa.index.static_model import VECTORS
from ragqa.types import Document, Progress

if TYPE_CHECKING:
    from ragqa.index.encoding import Encoding

N_READ = 50_000
"""Documents, spread over the corpus, whose words are counted."""
N_TOKENS = 2_000_000
"""Tokens, about, of the documents of which the model's vectors are taken, spread over those read."""
LEAST_DOCUMENTS, MOST_WORDS, _MOST_LETTERS = 3, 60_000, 40
_SIF = 1e-3
_LEAST_TITLE = 4
"""Words of a title that is fitted by itself."""
_MAX_TOKENS = 8_192
_AT_ONCE = 256


def distil(
    encoding: "Encoding",
    name: str,
    store: DocumentStore,
    folder: Path,
    progress: Progress | None = None,
    *,
    n_tokens: int = N_TOKENS,
) -> None:
    """Make the static encoder of the documents in ``store`` in ``folder``.

    ``encoding`` makes the vectors of the model that it is distilled from, or has them already; documents with
    ``n_tokens`` together, about, are encoded. ``name`` is what the recipe calls the encoder.

    Raises
    ------
    RecipeError
        The model's tokenizer does not cut words into pieces of a fixed vocabulary (WordPiece).
    ProductError
        No document has any text.
    """
    teacher = encoding.encoder
    rows, texts = _spread(store, N_READ)
    if not texts:
        raise ProductError(
            f"no document of the corpus {store.name!r} has any text; leave out [dense], or import others"
        )
    own = teacher.folder / teacher.spec.passage.folder / TOKENIZER
    pieces: dict[str, Any] = json.loads(own.read_text(encoding="utf-8"))
    if pieces["model"].get("type") != "WordPiece":
        raise RecipeError(
            f"dense.encoder is {name!r}, but the tokenizer of {teacher.spec.passage.model!r} is no WordPiece; "
            "use 'static', or 'static:' and a BERT model"
        )
    vocabulary: dict[str, int] = pieces["model"]["vocab"]
    n_pieces = len(vocabulary)
    words = _new_words(texts, vocabulary)
    vectors = _alone(teacher, n_pieces, words)
    vocabulary.update({word: n_pieces + place for place, word in enumerate(words)})
    pieces["truncation"] = pieces["padding"] = None
    target = folder / "static"
    target.mkdir(parents=True)
    manifest.write_atomically(target / TOKENIZER, json.dumps(pieces, ensure_ascii=False).encode())
    tokenizer = TextTokenizer(target / TOKENIZER, _MAX_TOKENS, "this is an error of ragqa")
    counts = [
        np.array(token.ids, dtype=np.int32)
        for start in range(0, len(texts), _AT_ONCE)  # a text's tokens take a hundred times their numbers at first
        for token in tokenizer.encode(texts[start : start + _AT_ONCE])
    ]
    mean_tokens = sum(map(len, counts)) / len(counts)
    n_fitted = min(len(texts), max(1, round(n_tokens / mean_tokens)))
    places = np.unique(np.linspace(0, len(texts) - 1, n_fitted).astype(int))
    documents = store.read([rows[place] for place in places])
    titles = [title for title in map(_title, documents) if len(title.split()) >= _LEAST_TITLE]
    wanted = _taught(encoding, documents, progress)
    if titles:
        wanted = np.concatenate([wanted, _unit(teacher.encode_passages([("", title) for title in titles]))])
    fitted = [counts[place] for place in places]
    fitted += [np.array(token.ids, dtype=np.int32) for token in tokenizer.encode(titles)]
    table = fit(vectors, _roots(counts, len(vectors)), fitted, wanted)
    table[[vocabulary[token] for token in ("[CLS]", "[SEP]", "[PAD]") if token in vocabulary]] = 0.0
    with (target / VECTORS).open("wb") as file:
        np.save(file, table.astype(np.float16))
    manifest.write_json(folder / DESCRIPTION, _spec(name, target))


def _text(document: Document) -> str:
    return on_the_line(f"{title_of(document)} {abstract_of(document)}".strip())


def _title(document: Document) -> str:
    """The title of a document that has an abstract, too; else there is nothing but it."""
    return on_the_line(title_of(document)) if abstract_of(document) else ""


def _unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors with length 1, float32 [n, dim]; 0 stays 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def _spread(store: DocumentStore, most: int) -> tuple[list[int], list[str]]:
    """Rows and texts of live documents with text at equal distances: ``most``, or up to twice as many."""
    step = max(1, len(store) // most)
    live = itertools.chain.from_iterable(store.scan())
    read = ((row, _text(document)) for row, document in itertools.islice(live, 0, None, step))
    found = [(row, text) for row, text in read if text]
    return [row for row, _ in found], [text for _, text in found]


def _new_words(texts: Sequence[str], vocabulary: dict[str, int]) -> list[str]:
    """The most frequent words that the model's vocabulary lacks, equally frequent ones by name."""
    counts = Counter(word for text in texts for word in set(words_of(text)))
    wanted = [
        (-n, word)
        for word, n in counts.items()
        if n >= LEAST_DOCUMENTS and word.isalnum() and word not in vocabulary and len(word) <= _MOST_LETTERS
    ]
    return [word for _, word in sorted(wanted)[:MOST_WORDS]]


def _alone(teacher: Encoder, n_pieces: int, words: Sequence[str]) -> np.ndarray:
    """The teacher's vector of each of its pieces and of each word by itself: float32 [n_pieces + n_words, dim]."""
    empty = teacher.passage_tokens([""])[0].ids
    before, after = empty[: len(empty) // 2], empty[len(empty) // 2 :]
    pieces = [[*before, piece, *after] for piece in range(n_pieces)]
    return np.concatenate(
        [
            teacher.encode_tokens([Tokens(ids, [0] * len(ids), False) for ids in pieces], _AT_ONCE),
            *([teacher.encode_tokens(teacher.passage_tokens(words), _AT_ONCE)] if words else []),
        ]
    )


def _taught(encoding: "Encoding", documents: Sequence[Document], progress: Progress | None) -> np.ndarray:
    """The model's vectors of documents, the mean for one of several passages: float32 [n_documents, dim]."""
    found = []
    for start in range(0, len(documents), _AT_ONCE):
        keys, _ = encoding.ensure(documents[start : start + _AT_ONCE], lambda _done, _all: None)
        found += [vectors.astype(np.float32).mean(axis=0) for vectors in encoding.store.get(keys)]
        if progress is not None:
            progress("distil encoder", len(found), len(documents))
    return _unit(np.stack(found))


def _roots(counts: Sequence[np.ndarray], n_tokens: int) -> np.ndarray:
    """The root of the weight of each token by its frequency in the sample, float32 [n_tokens]."""
    frequency = np.bincount(np.concatenate(counts), minlength=n_tokens) + 0.5
    frequency /= frequency.sum()
    return np.asarray(np.sqrt(_SIF / (_SIF + frequency)), dtype=np.float32)


def _spec(name: str, target: Path) -> EncoderSpec:
    tower = TowerSpec(
        model=name,
        folder=target.name,
        source_hash=manifest.content_hash(manifest.hash_files(target)),
        pooling="sum",
        normalise=True,
        max_tokens=_MAX_TOKENS,
        prefix="",
        pair=False,
        pad_id=0,
        precision="static",
    )
    return EncoderSpec(tower, tower, "ip", "static")
