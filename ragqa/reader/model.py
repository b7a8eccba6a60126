"""The trained model, opened: queries and passages in, what each sentence says out.

Its files lie in ``ragqa/reader/weights/``: the graph in int8, the vocabulary, and the card that names the data, the
licences, the figures and the hashes of the files. ``eval/training/reader/`` makes them. ONNX Runtime runs it.
"""

import functools
import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ragqa.errors import BackendError, ProductError
from ragqa.index.encoder_tokens import Batch
from ragqa.index.onnx_export import OnnxModel
from ragqa.manifest import file_hash, read_json
from ragqa.reader.answers import Found, found_answers
from ragqa.reader.inputs import DIRECTION, EVIDENCE, RELEVANCE, STANCE, TAG, ReaderInput, reader_input

WEIGHTS = Path(__file__).resolve().parent / "weights"
GRAPH, VOCABULARY, CARD = "reader.onnx", "vocab.txt", "card.json"
MAX_TOKENS = 384
PIECE_WORDS = 90
_MOST_PIECES = 5
_REMEDY = "install ragqa again: pip install --force-reinstall ragqa"


@dataclass(frozen=True, slots=True)
class Card:
    """The model card: ``weights/card.json``.

    Attributes
    ----------
    files
        File → sha256.
    data
        Each data set that the weights were trained on, with its licence and the sha256 of its files.
    training
        How it was trained: settings, seed, steps, the losses of every 25 steps.
    figures
        Figures on data held back from training, of the graph in float32 and in int8: of each its value, its 95 %
        confidence interval, and over how many items it is.
    use, limits
        What it is for, and what it cannot do.
    temperatures
        Head → what its logits are divided by, fitted on data held back.
    """

    files: Mapping[str, str]
    data: Sequence[Mapping[str, Any]]
    training: Mapping[str, Any]
    figures: Mapping[str, Any]
    use: str
    limits: str
    temperatures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PassageReading:
    """What a passage says to a query.

    Attributes
    ----------
    relevance
        Logit that the passage answers the query.
    evidence
        For each sentence the logit that it is evidence, float32 [n_sentences]; −inf where it was cut off.
    stance
        For each sentence the probabilities of :data:`ragqa.reader.inputs.STANCES`, float32 [n_sentences, 3].
    direction
        For each sentence those of :data:`ragqa.reader.inputs.DIRECTIONS`, float32 [n_sentences, 4].
    stance_of_all, direction_of_all
        The same for the passage; see :func:`pooled`.
    answers
        Phrases that may be exact answers.
    """

    relevance: float
    evidence: np.ndarray
    stance: np.ndarray
    direction: np.ndarray
    stance_of_all: np.ndarray
    direction_of_all: np.ndarray
    answers: tuple[Found, ...] = ()


class ReaderModel:
    """Reads passages. Make one with :func:`open_model`; it may be shared between threads."""

    def __init__(self, graph: OnnxModel, tokenizer: Any, card: Card) -> None:
        self._graph = graph
        self._tokenizer = tokenizer
        self.card = card

    def read(self, pairs: Sequence[tuple[str, Sequence[str]]], max_tokens: int = MAX_TOKENS) -> list[PassageReading]:
        """What each passage says to its query.

        Each pair is run by itself: batches of them need more memory, save next to no time, and the scale of int8 would
        let what is said of one depend on the others.

        Parameters
        ----------
        pairs
            Queries with the sentences of a passage each.
        max_tokens
            Sentences beyond so many tokens of query and passage together are not read.
        """

        def run(pair: tuple[str, Sequence[str]]) -> PassageReading:
            query, sentences = pair
            item = reader_input(self._tokenizer, query, sentences, max_tokens)
            return self._reading(item, self._graph(_batch_of(item))[0], sentences)

        if len(pairs) < 2:
            return [run(pair) for pair in pairs]
        with ThreadPoolExecutor(self._graph.n_parallel) as threads:
            return list(threads.map(run, pairs))

    def read_documents(
        self,
        query: str,
        documents: Sequence[Sequence[str]],
        until: float = math.inf,
        piece_words: int | None = None,
    ) -> list[PassageReading]:
        """What each document, given as its sentences, says to one query.

        A document is read in pieces of neighbouring sentences of about ``piece_words`` words (None: as long as
        those that the model was trained on), five at most; what comes after them is not read. Where ``until`` (seconds
        of :func:`time.monotonic`) is over before all documents are read, the first ones are given alone, at least one.
        """
        words = PIECE_WORDS if piece_words is None else piece_words
        if math.isinf(until):
            return self._read_documents(query, documents, words)
        readings: list[PassageReading] = []
        while len(readings) < len(documents) and not (readings and time.monotonic() > until):
            begin = len(readings)
            readings += self._read_documents(query, documents[begin : begin + self._graph.n_parallel], words)
        return readings

    def _read_documents(self, query: str, documents: Sequence[Sequence[str]], piece_words: int) -> list[PassageReading]:
        pieces = [
            (place, piece) for place, sentences in enumerate(documents) for piece in _pieces(sentences, piece_words)
        ]
        readings = self.read([(query, [documents[place][at] for at in piece]) for place, piece in pieces])
        return [
            _joined(len(sentences), [(p, r) for (at, p), r in zip(pieces, readings, strict=True) if at == place])
            for place, sentences in enumerate(documents)
        ]

    def _reading(self, item: ReaderInput, output: np.ndarray, sentences: Sequence[str]) -> PassageReading:
        means = (
            np.stack(
                [
                    output[begin:end].mean(axis=0) if end > begin else np.zeros(output.shape[1], np.float32)
                    for begin, end in item.sentences
                ]
            )
            if item.sentences
            else np.zeros((0, output.shape[1]), np.float32)
        )
        was_read = np.array([end > begin for begin, end in item.sentences], dtype=bool)
        evidence = np.where(was_read, means[:, EVIDENCE][:, 0], -np.inf).astype(np.float32)
        stance, direction = self._cooled(means, STANCE, "stance"), self._cooled(means, DIRECTION, "direction")
        return PassageReading(
            relevance=float(output[0, RELEVANCE][0]),
            evidence=evidence,
            stance=softmax(stance),
            direction=softmax(direction),
            stance_of_all=pooled(softmax(stance), evidence),
            direction_of_all=pooled(softmax(direction), evidence),
            answers=found_answers(item, softmax(output[:, TAG]), sentences),
        )

    def _cooled(self, means: np.ndarray, head: slice, name: str) -> np.ndarray:
        return np.asarray(means[:, head] / self.card.temperatures.get(name, 1.0))


@functools.cache
def open_model(folder: Path = WEIGHTS) -> ReaderModel:
    """The model that comes with ragqa; opened once in a process.

    Raises
    ------
    BackendError
        A package that runs it is missing.
    ProductError
        A file is missing or is not the one that the card names.
    """
    card = read_json(folder / CARD, Card, _REMEDY)
    for name, wanted in card.files.items():
        if not (folder / name).is_file() or file_hash(folder / name) != wanted:
            raise ProductError(f"the reader's file {folder / name} is missing or changed; {_REMEDY}")
    return ReaderModel(OnnxModel(folder / GRAPH, _REMEDY), open_tokenizer(folder / VOCABULARY), card)


def open_tokenizer(vocabulary: Path) -> Any:
    """A tokenizer of BERT's kind for small letters, from its vocabulary.

    Raises
    ------
    BackendError
        The package tokenizers is missing.
    """
    try:
        from tokenizers import BertWordPieceTokenizer
    except ImportError as error:
        raise BackendError("the package tokenizers is missing; run: pip install ragqa") from error
    return BertWordPieceTokenizer(str(vocabulary), lowercase=True)


def pooled(probabilities: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """The probabilities for a passage: those of its sentences, weighted by how much they are evidence and say.

    Parameters
    ----------
    probabilities
        float32 [n_sentences, n_labels], "nothing" last.
    evidence
        Logits, float32 [n_sentences].

    Returns
    -------
    numpy.ndarray
        [n_labels]; all "nothing" where there is no sentence.
    """
    if not len(probabilities):
        return np.asarray(np.eye(probabilities.shape[1], dtype=np.float32)[-1])
    weights = sigmoid(evidence) * (1 - probabilities[:, -1]) + 1e-9
    return np.asarray(weights @ probabilities / weights.sum())


def softmax(values: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis, of the same shape."""
    powers = np.exp(values - values.max(axis=-1, keepdims=True, initial=-1e30))
    return np.asarray(powers / np.maximum(powers.sum(axis=-1, keepdims=True), 1e-30))


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Probabilities of logits, of the same shape."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))))


def _pieces(sentences: Sequence[str], piece_words: int) -> list[range]:
    """Places of neighbouring sentences of about so many words."""
    starts, size = [], piece_words
    for place, sentence in enumerate(sentences):
        n_words = sentence.count(" ") + 1
        if size + n_words > piece_words:
            starts.append(place)
            size = 0
        size += n_words
    return [range(start, end) for start, end in pairwise([*starts, len(sentences)])][:_MOST_PIECES]


def _joined(n_sentences: int, read: Sequence[tuple[range, PassageReading]]) -> PassageReading:
    """The readings of a document's pieces as one; sentences that were not read say nothing."""
    evidence = np.full(n_sentences, -np.inf, dtype=np.float32)
    stance = np.tile(np.eye(3, dtype=np.float32)[-1], (n_sentences, 1))
    direction = np.tile(np.eye(4, dtype=np.float32)[-1], (n_sentences, 1))
    answers = []
    for piece, reading in read:
        places = slice(piece.start, piece.stop)
        evidence[places], stance[places], direction[places] = reading.evidence, reading.stance, reading.direction
        answers += [replace(found, sentence=found.sentence + piece.start) for found in reading.answers]
    return PassageReading(
        relevance=max((reading.relevance for _, reading in read), default=-20.0),
        evidence=evidence,
        stance=stance,
        direction=direction,
        stance_of_all=pooled(stance, evidence),
        direction_of_all=pooled(direction, evidence),
        answers=tuple(answers),
    )


def _batch_of(item: ReaderInput) -> Batch:
    return Batch(*(np.array([row], dtype=np.int64) for row in (item.ids, [1] * len(item.ids), item.segments)))
