"""The vectors of tokens whose sums come near the vectors that a model of sentences gives whole texts.

With X the weighted, normalised token counts of the texts (a row each) and R what the sums of the first vectors lack,
the correction is Xᵀ (X Xᵀ + λI)⁻¹ R: the least squares one with a ridge. The system is solved by conjugate gradients
(Hestenes and Stiefel 1952), some dimensions at a time, so that memory grows with the texts and not with their square.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

RIDGE = 0.3
_MOST_STEPS, _REMAINING = 60, 1e-4
_DIMENSIONS = 96
"""Solved at a time."""


def fit(first: np.ndarray, roots: np.ndarray, chosen: Sequence[np.ndarray], wanted: np.ndarray) -> np.ndarray:
    """The vectors of tokens whose sums come near ``wanted``: float32 [n_tokens, dim].

    Parameters
    ----------
    first
        What the vectors are without any text, float32 [n_tokens, dim].
    roots
        The root of the weight of each token, float32 [n_tokens].
    chosen
        The tokens of each text.
    wanted
        The vector of each text, float32 [n_texts, dim].
    """
    from scipy import sparse

    n_texts, n_tokens = len(chosen), len(first)
    columns = np.concatenate(chosen)
    starts = np.concatenate([[0], np.cumsum([len(ids) for ids in chosen])])
    texts = sparse.csr_matrix((roots[columns], columns, starts), (n_texts, n_tokens))
    texts.sum_duplicates()
    lengths = np.sqrt(np.asarray(texts.multiply(texts).sum(axis=1)).ravel())
    texts = (sparse.diags_array(1 / np.maximum(lengths, 1e-12)).astype(np.float32) @ texts).tocsr()
    result = np.array(first - first.mean(axis=0), dtype=np.float32)
    lacking = np.array(wanted - wanted.mean(axis=0), dtype=np.float32)
    sums = texts @ result
    scale = np.float32((sums * lacking).sum() / max(float((sums * sums).sum()), 1e-12))
    result *= scale
    lacking -= scale * sums
    turned = texts.T.tocsr()
    for start in range(0, result.shape[1], _DIMENSIONS):
        own = slice(start, start + _DIMENSIONS)
        result[:, own] += turned @ _solved(texts, turned, np.ascontiguousarray(lacking[:, own]))
    result *= roots[:, None]
    return result


def _solved(texts: Any, turned: Any, wanted: np.ndarray) -> np.ndarray:
    """The solution of (X Xᵀ + λI) A = ``wanted``, each column by itself."""
    found = np.zeros_like(wanted)
    rest, step = wanted.copy(), wanted.copy()
    squares = (rest * rest).sum(axis=0)
    enough = _REMAINING * squares
    for _ in range(_MOST_STEPS):
        if (squares <= enough).all():
            break
        moved = texts @ (turned @ step) + RIDGE * step
        length = squares / np.maximum((step * moved).sum(axis=0), 1e-20)
        found += length * step
        rest -= length * moved
        before, squares = squares, (rest * rest).sum(axis=0)
        step = rest + squares / np.maximum(before, 1e-20) * step
    return found
