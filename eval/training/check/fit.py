"""Fit what tells an article's stance to a claim, on SciFact's claims that the reader's model was not trained on.

Each claim is searched for in SciFact's 5,183 abstracts; an article found without gold evidence says neither. Figures
are by cross-validation over groups of claims that share an abstract.

Run:  python eval/training/check/fit.py --data FOLDER      (FOLDER holds scifact-claims/ and beir/scifact/)
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "reader"))

from scifact import load_scifact, scifact_groups
from texts import held_back

from ragqa.check import stance
from ragqa.check.checker import N_READ
from ragqa.engine import Engine
from ragqa.evaluate.runs.prepare import ensure_index, prepare_corpus, wanted_index
from ragqa.evaluate.tasks.task import CorpusSource
from ragqa.manifest import file_hash, write_atomically
from ragqa.reader.model import CARD, WEIGHTS, open_model

TARGET = Path(stance.__file__).with_name("stance.json")
N_FOLDS, N_REPEATS = 5, 10
GOLD = {"SUPPORT": 0, "CONTRADICT": 1}
_SIDE = [stance.FEATURES.index(name) for name in stance.SIDE]


def main() -> None:
    """Search and read once, fit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    claims, corpus = arguments.data / "scifact-claims" / "claims_train.csv", arguments.data / "beir" / "scifact"
    rows, _ = load_scifact(claims, corpus / "corpus.jsonl")
    group_of = scifact_groups(rows)
    chosen = [row for row in rows if held_back(group_of[row["id"]], 6)]
    x, y, g, missed = pairs(chosen, group_of, corpus)
    figures = cross_validated(x, y, g, missed)
    says, side = fitted(x, y)
    document = {
        "made_from": {
            "card": file_hash(WEIGHTS / CARD),
            "claims_train.csv": file_hash(claims),
            "corpus.jsonl": file_hash(corpus / "corpus.jsonl"),
            "n_claims": len(chosen),
            "n_pairs": len(y),
        },
        "figures": figures,
        "says": named(says, stance.FEATURES),
        "side": named(side, stance.SIDE),
    }
    write_atomically(arguments.out, json.dumps(document, indent=1).encode() + b"\n")
    print(json.dumps(document["figures"], indent=1))


def pairs(chosen: list[dict], group_of: dict[str, str], corpus: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Features, float64 [n, n_features], labels and groups, int64 [n], and how many gold articles were not found."""
    model = open_model()
    wanted = wanted_index(prepare_corpus("scifact", CorpusSource("beir", corpus)), "default")
    ensure_index(wanted)
    x, y, g, missed = [], [], [], 0
    with Engine.open(wanted.name) as engine:
        for row in chosen:
            (documents,) = engine.find_for_claims([row["claim"]], N_READ)
            missed += len(set(row["evidence"]) - {document.id for document in documents})
            evidence = stance.read_for(model, row["claim"], documents, allow_retracted=False)
            for place, document in enumerate(documents):
                if not evidence.documents[place].features:
                    continue
                _, _, found = stance.read(row["claim"], place, document, evidence)
                x.append([found[name] for name in stance.FEATURES])
                label, _ = row["evidence"].get(document.id, ("NEITHER", set()))
                y.append(GOLD.get(label, 2))
                g.append(int(group_of[row["id"]][1:]))
    return np.array(x), np.array(y), np.array(g), missed


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
    order = np.random.default_rng(seed).permutation(np.unique(g))
    fold_of = {group: place % N_FOLDS for place, group in enumerate(order)}
    folds = np.array([fold_of[group] for group in g])
    chances = np.zeros((len(y), 3))
    for fold in range(N_FOLDS):
        held = folds == fold
        says, side = fitted(x[~held], y[~held])
        something = says.predict_proba(x[held])[:, 1]
        supports = side.predict_proba(x[held][:, _SIDE])[:, 1]
        chances[held] = np.stack([something * supports, something * (1 - supports), 1 - something], axis=1)
    return chances


def fitted(x: np.ndarray, y: np.ndarray) -> tuple[LogisticRegression, LogisticRegression]:
    """Whether an article says something to a claim, and whether what says something supports it."""
    something = y < len(GOLD)
    says = LogisticRegression(max_iter=5000).fit(x, something)
    return says, LogisticRegression(max_iter=5000).fit(x[something][:, _SIDE], y[something] == GOLD["SUPPORT"])


def named(regression: LogisticRegression, names: Sequence[str]) -> dict[str, float]:
    """Its weights by their features' names."""
    return dict(zip((*names, "intercept"), map(float, [*regression.coef_[0], regression.intercept_[0]]), strict=True))


def prf(right: int, told: int, gold: int) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean."""
    precision, recall = right / max(told, 1), right / gold
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


if __name__ == "__main__":
    main()
