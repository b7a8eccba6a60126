"""The fit of a static encoder's vectors: what conjugate gradients find is the least squares solution itself."""

import numpy as np

from ragqa.index.static_fit import RIDGE, fit


def test_the_fit_is_that_of_least_squares_with_a_ridge() -> None:
    random = np.random.default_rng(1)
    n_texts, n_tokens, dim = 60, 40, 200
    chosen = [random.integers(0, n_tokens, int(random.integers(3, 20))) for _ in range(n_texts)]
    first = random.normal(size=(n_tokens, dim)).astype(np.float32)
    wanted = random.normal(size=(n_texts, dim)).astype(np.float32)
    roots = random.uniform(0.2, 1.0, n_tokens).astype(np.float32)

    found = fit(first, roots, chosen, wanted)

    counts = np.stack([np.bincount(ids, minlength=n_tokens) for ids in chosen]) * roots
    texts = counts / np.linalg.norm(counts, axis=1, keepdims=True)
    centred, goal = first - first.mean(axis=0), wanted - wanted.mean(axis=0)
    sums = texts @ centred
    scale = (sums * goal).sum() / (sums * sums).sum()
    solved = np.linalg.solve(texts @ texts.T + RIDGE * np.eye(n_texts), goal - scale * sums)
    expected = (scale * centred + texts.T @ solved) * roots[:, None]
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


def test_texts_of_which_no_word_is_known_change_nothing() -> None:
    first = np.eye(3, 4, dtype=np.float32)
    roots = np.ones(3, dtype=np.float32)
    chosen = [np.array([0, 1]), np.array([1, 2]), np.array([2])]
    wanted = np.eye(3, 4, dtype=np.float32)
    empty = np.empty(0, dtype=np.int64)

    both = fit(first, roots, [*chosen, empty], np.vstack([wanted, wanted.mean(axis=0)]))

    assert np.allclose(both, fit(first, roots, chosen, wanted), atol=0.02)
