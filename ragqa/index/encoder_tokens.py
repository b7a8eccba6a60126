"""Texts → token numbers, and token numbers → padded batches, with the ``tokenizers`` library alone."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ragqa.errors import BackendError, ProductError

Text = str | tuple[str, str]
"""One text, or a pair of texts that the model reads as two segments."""


class Tokens(NamedTuple):
    """One input: token numbers, the segment of each token, and whether its end was cut off."""

    ids: list[int]
    segments: list[int]
    truncated: bool


class Batch(NamedTuple):
    """Padded inputs, int64 [n_texts, n_tokens] each; ``mask`` is 1 at tokens and 0 at padding."""

    ids: np.ndarray
    mask: np.ndarray
    segments: np.ndarray


class Model(Protocol):
    """Something that turns a batch into float32 [n_texts, n_outputs].

    ``n_parallel`` is how many threads may call it at once to good use.
    """

    n_parallel: int

    def __call__(self, batch: Batch) -> np.ndarray:
        """The output of each text of the batch."""
        ...


class TextTokenizer:
    """A tokenizer read from its ``tokenizer.json``; inputs are cut at ``max_tokens``."""

    def __init__(self, path: Path, max_tokens: int, remedy: str) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise BackendError("the package tokenizers is missing; run: pip install tokenizers") from error
        try:
            text = path.read_text(encoding="utf-8")
            json.loads(text)  # the library itself raises bare Exception for a damaged file
        except (OSError, ValueError) as error:
            raise ProductError(f"the tokenizer {path} is missing or damaged ({error}); {remedy}") from error
        self._tokenizer: Any = Tokenizer.from_str(text)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self._whole: Any = Tokenizer.from_str(self._tokenizer.to_str())
        self._whole.no_truncation()
        self.max_tokens = max_tokens
        self.n_special = self._tokenizer.num_special_tokens_to_add(False)
        self.n_special_pair = self._tokenizer.num_special_tokens_to_add(True)

    def encode(self, texts: Sequence[Text]) -> list[Tokens]:
        """The tokens of each text, cut at ``max_tokens``."""
        return [
            Tokens(encoding.ids, encoding.type_ids, bool(encoding.overflowing))
            for encoding in self._tokenizer.encode_batch_fast(list(texts))  # it finds no offsets
        ]

    def offsets(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Where each token of each text begins and ends: int64 [n_tokens, 2] character offsets, nothing cut."""
        encodings = self._whole.encode_batch(list(texts), add_special_tokens=False)
        return [np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2) for encoding in encodings]


def apply(
    model: Model, tokens: Sequence[Tokens], pad_id: int, batch_size: int = 8, done: Callable[[int], None] | None = None
) -> np.ndarray:
    """Run ``model`` over all inputs, those of like length together.

    Returns
    -------
    numpy.ndarray
        float32 [n_inputs, n_outputs], in the order of ``tokens``; a pure function of ``tokens`` and
        ``batch_size``, however many threads run. ``done`` is called with the number of inputs of each batch.
    """
    result: np.ndarray | None = None
    for places, output in _outputs(model, tokens, pad_id, batch_size):
        if result is None:
            result = np.empty((len(tokens), output.shape[1]), dtype=np.float32)
        result[places] = output
        if done is not None:
            done(len(places))
    return result if result is not None else np.empty((0, 0), dtype=np.float32)


def _outputs(
    model: Model, tokens: Sequence[Tokens], pad_id: int, batch_size: int
) -> Iterator[tuple[list[int], np.ndarray]]:
    order = sorted(range(len(tokens)), key=lambda place: -len(tokens[place].ids))
    groups = [order[begin : begin + batch_size] for begin in range(0, len(order), batch_size)]

    def run(places: list[int]) -> np.ndarray:
        return model(_padded([tokens[place] for place in places], pad_id))

    if len(groups) == 1 or model.n_parallel == 1:
        yield from ((places, run(places)) for places in groups)
        return
    with ThreadPoolExecutor(model.n_parallel) as threads:
        yield from zip(groups, threads.map(run, groups), strict=True)


def _padded(tokens: Sequence[Tokens], pad_id: int) -> Batch:
    width = max(len(token.ids) for token in tokens)
    ids = np.full((len(tokens), width), pad_id, dtype=np.int64)
    mask, segments = np.zeros_like(ids), np.zeros_like(ids)
    for place, token in enumerate(tokens):
        n_tokens = len(token.ids)
        ids[place, :n_tokens] = token.ids
        mask[place, :n_tokens] = 1
        segments[place, :n_tokens] = token.segments
    return Batch(ids, mask, segments)
