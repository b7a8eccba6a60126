"""A static encoder: a vector for each token, added up and scaled to length 1; no network is run.

It lives in the folder of an encoder as ``vectors.npy`` beside ``tokenizer.json``; :mod:`ragqa.index.static_build` makes
it.
"""

from pathlib import Path

import numpy as np

from ragqa.corpus.arrays import load_array
from ragqa.errors import ProductError
from ragqa.index.encoder_tokens import Batch

VECTORS = "vectors.npy"
BATCH = 32


class StaticModel:
    """The sum of the vectors of an input's tokens, scaled to length 1; 0 where no token has a vector."""

    n_parallel = 1

    def __init__(self, path: Path, remedy: str) -> None:
        """Read the vectors, float16 [n_tokens, dim]; raises ProductError where they are missing or damaged."""
        table = load_array(path, path, remedy)
        if table.ndim != 2 or table.dtype != np.float16:
            raise ProductError(f"{path} is damaged: it holds {table.dtype} {list(table.shape)}; {remedy}")
        self._table = table.astype(np.float32)
        self._path, self._remedy = path, remedy

    def __call__(self, batch: Batch) -> np.ndarray:
        """The vector of each text, float32 [n_texts, dim]."""
        there = batch.mask.astype(bool)
        ids = batch.ids[there]
        if len(ids) and ids.max() >= len(self._table):
            raise ProductError(f"{self._path} has no vector for a token of its tokenizer; {self._remedy}")
        ends = np.cumsum(there.sum(axis=1))
        # One sum for each text: np.add.reduceat over all of them takes six times as long.
        result = np.stack([self._table[own].sum(axis=0) for own in np.split(ids, ends[:-1])])
        result /= np.maximum(np.linalg.norm(result, axis=1, keepdims=True), 1e-12)
        return result
