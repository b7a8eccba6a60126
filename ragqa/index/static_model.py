"""A static encoder: a vector for each token, added up and scaled to length 1; no network is run.

It lives in the folder of an encoder as ``vectors.npy`` beside ``tokenizer.json``; :mod:`ragqa.index.static_build` makes
it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ragqa.corpus.arrays import load_array
from ragqa.errors import ProductError
from ragqa.index.encoder_tokens import Tokens

VECTORS = "vectors.npy"


class StaticModel:
    """The sum of the vectors of an input's tokens, scaled to length 1; 0 where no token has a vector."""

    def __init__(self, path: Path, remedy: str) -> None:
        """Read the vectors, float16 [n_tokens, dim]; raises ProductError where they are missing or damaged."""
        table = load_array(path, path, remedy)
        if table.ndim != 2 or table.dtype != np.float16:
            raise ProductError(f"{path} is damaged: it holds {table.dtype} {list(table.shape)}; {remedy}")
        self._table = table.astype(np.float32)
        self._path, self._remedy = path, remedy

    def __call__(self, inputs: Sequence[Tokens], done: Callable[[int], None] | None = None) -> np.ndarray:
        """The vector of each input, float32 [n_inputs, dim]; ``done`` is told how many there were."""
        result = np.empty((len(inputs), self._table.shape[1]), dtype=np.float32)
        try:
            for place, tokens in enumerate(inputs):
                # One sum for each input: np.add.reduceat over all of them takes six times as long.
                result[place] = self._table[np.array(tokens.ids, dtype=np.int64)].sum(axis=0)
        except IndexError:
            raise ProductError(f"{self._path} has no vector for a token of its tokenizer; {self._remedy}") from None
        result /= np.maximum(np.linalg.norm(result, axis=1, keepdims=True), 1e-12)
        if done is not None:
            done(len(inputs))
        return result
