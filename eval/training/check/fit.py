"""Fit what tells an article's stance to a claim, and its sentences that say so, on SciFact's claims.

The claims are those that the reader's model was not trained on. Each is searched for in SciFact's 5,183 abstracts; an
article found without gold evidence says neither. What words and place tell of a sentence is learned from the other
claims, which the model is not asked about. Figures are by cross-validation over groups of claims that share an
abstract.

Run:  python eval/training/check/fit.py --data FOLDER      (FOLDER holds scifact-claims/ and beir/scifact/)
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import quotes
from pairs import CLAIMS, CORPUS, Pair, claims_of, read_for, unread
from sklearn.linear_model import LogisticRegression

from ragqa.check import stance
from ragqa.evaluate.tasks.claims.scifact import Claim
from ragqa.evaluate.tasks.evidence import CLAIM_LABELS, NEITHER, SUPPORTS
from ragqa.manifest import file_hash, write_atomically
from ragqa.reader.model import CARD, WEIGHTS

TARGET = Path(stance.__file__).parent
N_FOLDS, N_REPEATS = 5, 10
_SIDE = [stance.FEATURES.index(name) for name in stance.SIDE]


def main() -> None:
    """Search and read once, fit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=TARGET, help="folder for stance.json and sentences.json")
    arguments = parser.parse_args()
    held, others, group_of = claims_of(arguments.data)
    pairs = [pair for pair in read_for(held, group_of, arguments.data) if pair.features]
    learned = list(unread(others, group_of, arguments.data))
    made_from = {
        "card": file_hash(WEIGHTS / CARD),
        "claims_train.csv": file_hash(arguments.data / CLAIMS),
        "corpus.jsonl": file_hash(arguments.data / CORPUS / "corpus.jsonl"),
    }
    n_gold = sum(bool(pair.gold) for pair in pairs)
    documents = {
        "stance.json": {
            "made_from": {**made_from, "n_claims": len(held), "n_pairs": len(pairs)},
            **of_articles(pairs, held),
        },
        "sentences.json": {
            "made_from": {**made_from, "n_abstracts_by_words": len(learned), "n_abstracts": n_gold},
            **of_sentences(pairs, learned),
        },
    }
    for name, document in documents.items():
        write_atomically(arguments.out / name, json.dumps(document, indent=1).encode() + b"\n")
        print(json.dumps(document["figures"], indent=1))


def of_articles(pairs: Sequence[Pair], claims: Sequence[Claim]) -> dict[str, Any]:
    """What ``stance.json`` holds: weights and their cross-validated figures."""
    x, y, g = matrices(pairs)
    missed = sum(len(claim.labels) for claim in claims) - int((y < CLAIM_LABELS.index(NEITHER)).sum())
    says, side = fitted(x, y)
    return {
        "figures": cross_validated(x, y, g, missed),
        "says": named(says, stance.FEATURES),
        "side": named(side, stance.SIDE),
    }


def of_sentences(pairs: Sequence[Pair], learned: Sequence[Pair]) -> dict[str, Any]:
    """What ``sentences.json`` holds."""
    words = quotes.by_words(learned)
    return {
        "figures": quotes.figures(held_out_sentences(words, pairs, 0), pairs),
        "weights": quotes.with_reading(words, pairs),
    }


def matrices(pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, float64 [n, n_features], numbers of the labels, int64 [n], and groups, str [n], of pairs read."""
    x = np.array([[pair.features[name] for name in stance.FEATURES] for pair in pairs])
    y = np.array([CLAIM_LABELS.index(pair.claim.labels.get(pair.document.id, NEITHER)) for pair in pairs])
    return x, y, np.array([pair.group for pair in pairs])


def cross_validated(x: np.ndarray, y: np.ndarray, g: np.ndarray, missed: int) -> dict:
    """Figures of claims that the weights were not fitted on, by the probability from which an article is cited.

    Abstract-level, label-only precision, recall and F1 as SciFact defines them; "found" without regard to the label.
    """
    n_gold = int((y < 2).sum()) + missed
    told: dict[float, list] = {least: [] for least in (0.3, 0.35, 0.4, 0.45, 0.5)}
    for seed in range(N_REPEATS):
        chances = held_out(x, y, g, seed)
        for least, rows in told.items():
            says = chances[:, :2].sum(axis=1) >= least
            right = says & (chances[:, :2].argmax(axis=1) == y)
            rows.append([*prf(right.sum(), says.sum(), n_gold), prf((says & (y < 2)).sum(), says.sum(), n_gold)[2]])
    names = ("precision", "recall", "f1", "found_f1")
    figures = {
        f"from {least}": dict(zip(names, np.round(np.mean(rows, axis=0), 4).tolist(), strict=True))
        for least, rows in told.items()
    }
    return {"n_gold": n_gold, "n_gold_among_those_read": n_gold - missed, **figures}


def held_out(x: np.ndarray, y: np.ndarray, g: np.ndarray, seed: int) -> np.ndarray:
    """Probabilities, float64 [n, 3], of each pair by weights fitted on the other folds' groups."""
    chances = np.zeros((len(y), 3))
    for held in folds(g, seed):
        says, side = fitted(x[~held], y[~held])
        something = says.predict_proba(x[held])[:, 1]
        supports = side.predict_proba(x[held][:, _SIDE])[:, 1]
        chances[held] = np.stack([something * supports, something * (1 - supports), 1 - something], axis=1)
    return chances


def held_out_sentences(words: dict[str, float], pairs: Sequence[Pair], seed: int) -> list[dict[str, float]]:
    """For each pair the weights of sentences fitted on the other folds' groups, divided as :func:`held_out` does."""
    found: list[dict[str, float]] = [{}] * len(pairs)
    for held in folds(np.array([pair.group for pair in pairs]), seed):
        weights = quotes.with_reading(words, [pair for pair, out in zip(pairs, held, strict=True) if not out])
        found = [weights if out else one for one, out in zip(found, held, strict=True)]
    return found


def folds(g: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """For each fold whether a pair of the groups ``g`` is held out, bool [n]."""
    order = np.random.default_rng(seed).permutation(np.unique(g))
    fold_of: Mapping[str, int] = {group: place % N_FOLDS for place, group in enumerate(order)}
    for fold in range(N_FOLDS):
        yield np.array([fold_of[group] == fold for group in g])


def fitted(x: np.ndarray, y: np.ndarray) -> tuple[LogisticRegression, LogisticRegression]:
    """Whether an article says something to a claim, and whether what says something supports it."""
    something = y < CLAIM_LABELS.index(NEITHER)
    says = LogisticRegression(max_iter=5000).fit(x, something)
    return says, LogisticRegression(max_iter=5000).fit(
        x[something][:, _SIDE], y[something] == CLAIM_LABELS.index(SUPPORTS)
    )


def named(regression: LogisticRegression, names: Sequence[str]) -> dict[str, float]:
    """Its weights by their features' names."""
    return dict(zip((*names, "intercept"), map(float, [*regression.coef_[0], regression.intercept_[0]]), strict=True))


def prf(right: int, told: int, gold: int) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean."""
    precision, recall = right / max(told, 1), right / gold
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


if __name__ == "__main__":
    main()
