"""Fit the few numbers that turn the model's outputs into decisions, on data that the model was not trained on.

    python eval/training/reader/decide.py --data FOLDER

It writes ``ragqa/answer/extractive/decisions.json``, the gate first, since the rest is read through it. The gate
tells documents that answer a question from BM25's other hits of the same kind; the verdict's regression tells yes,
no and maybe; that of exact answers which of the marked phrases answer; a list's share how many items are named.
Figures are cross-validated over questions.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gate_pairs import Pair, gate_pairs
from items import Item, items
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ragqa.answer.extractive.decisions import NAME, Decisions, decisions
from ragqa.answer.extractive.evidence import DocumentEvidence, Evidence, gather
from ragqa.answer.extractive.exact import MOST_LIST, asked_kind, candidate_features, mentioned, valued
from ragqa.answer.extractive.verdict import verdict_features
from ragqa.answer.question import analyse
from ragqa.manifest import file_hash, write_atomically
from ragqa.reader.model import CARD, WEIGHTS, ReaderModel, open_model
from ragqa.types import Document, Question

TARGET = Path("ragqa/answer/extractive") / NAME
LABELS = ("yes", "no", "maybe")
GATE = ("relevance", "evidence", "says_something", "coverage", "best_coverage", "missing_words", "words")
EXACT = ("best", "mean", "mentions", "documents", "share_of_documents", "relevance", "within", "weight",
         "share_of_sentences", "words")  # fmt: skip
YES = ("lean", "lean_of_conclusions", "directed_lean", "directed_lean_of_conclusions")
MAYBE = ("size_of_lean", "silence", "disagreement")
N_FOLDS, MOST_OWN = 5, 10


def read(model: ReaderModel, question: Question, documents: Sequence[Document]) -> Evidence:
    """What the documents say."""
    return gather(model, analyse(question), documents, allow_retracted=True)


def main() -> None:
    """Read everything once, fit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    model, asked = open_model(), list(items(arguments.data))
    pairs = list(gate_pairs(asked, arguments.data))
    use({"gate": dict.fromkeys(("intercept", *GATE), 0.0)})
    gate, gate_figures = fit_gate(
        pairs,
        [read(model, pair.question, pair.own) for pair in pairs],
        [read(model, pair.question, pair.others) for pair in pairs],
    )
    use({"gate": gate})  # what follows is read through it
    own = [read(model, item.question, item.documents[:MOST_OWN]) for item in asked]
    verdict, verdict_figures = fit_verdict(asked, own)
    exact, share, exact_figures = fit_exact(asked, own)
    document = {
        "made_from": {"card": file_hash(WEIGHTS / CARD), "n_questions": len(asked), "folds": N_FOLDS},
        "figures": {"gate": gate_figures, "verdict": verdict_figures, "exact": exact_figures},
        "gate": gate,
        "verdict": verdict,
        "exact": exact,
        "list_share": share,
    }
    use(document)
    print(json.dumps(document, indent=1))


def use(document: dict[str, Any]) -> None:
    """Write the file, and read by it from now on."""
    write_atomically(TARGET, json.dumps(document, indent=1).encode() + b"\n")
    decisions.cache_clear()


def fit_gate(pairs: Sequence[Pair], own: Sequence[Evidence], others: Sequence[Evidence]) -> Any:
    """Weights of the gate, and how it does on questions that it was not fitted on."""
    rows: list[list[float]] = []
    labels: list[int] = []
    places: list[int] = []
    for place, read_documents in enumerate(zip(own, others, strict=True)):
        for evidence, label in zip(read_documents, (1, 0), strict=True):
            rows += [[document.features[name] for name in GATE] for document in evidence.documents if document.features]
            labels += [label] * (len(rows) - len(labels))
            places += [place] * (len(rows) - len(places))
    x, y, at = np.array(rows), np.array(labels), np.array(places)
    groups = np.array([int(file_key(pairs[place].key), 16) for place in places])
    chances = np.zeros(len(y))
    for train, test in GroupKFold(N_FOLDS).split(x, y, groups):
        chances[test] = gate_model().fit(x[train], y[train]).predict_proba(x[test])[:, 1]
    best = {label: best_of_each(chances, y == label, at, len(pairs)) for label in (0, 1)}
    figures: dict[str, Any] = {"auc_documents": round(float(roc_auc_score(y, chances)), 4), "n_documents": len(y)}
    sources = np.array([pair.source for pair in pairs])
    for source in ("all", *sorted(set(sources.tolist()))):
        chosen = (sources == source) | (source == "all")
        both = np.concatenate([best[1][chosen], best[0][chosen]])
        figures[f"auc_questions, {source}"] = round(float(roc_auc_score(np.repeat([1, 0], chosen.sum()), both)), 4)
    for least in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        figures[f"at {least}"] = {
            "abstains with the evidence": round(float(np.mean(best[1] < least)), 3),
            "answers without it": round(float(np.mean(best[0] >= least)), 3),
        }
    scaler, regression = (step for _, step in gate_model().fit(x, y).steps)
    weights = regression.coef_[0] / scaler.scale_
    return weights_of(weights, float(regression.intercept_[0] - weights @ scaler.mean_), GATE), figures


def gate_model() -> Any:
    """Standardisation, then a logistic regression for which either answer is as likely."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000, class_weight="balanced"))


def best_of_each(chances: np.ndarray, chosen: np.ndarray, at: np.ndarray, n: int) -> np.ndarray:
    """The highest chance of each question's chosen documents, 0 where there are none: float64 [n]."""
    best = np.zeros(n)
    np.maximum.at(best, at[chosen], chances[chosen])
    return best


def fit_verdict(asked: Sequence[Item], own: Sequence[Evidence]) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Weights of the verdict's regressions, and how they do on questions that they were not fitted on."""
    chosen = [place for place, item in enumerate(asked) if item.label in LABELS and _telling(own[place])]
    rows = [verdict_features(_telling(own[place]), directed=own[place].directed) for place in chosen]
    y = np.array([LABELS.index(asked[place].label) for place in chosen])
    groups = np.array([int(file_key(asked[place].gold.id), 16) for place in chosen])
    chances = np.zeros((len(y), len(LABELS)))
    for train, test in GroupKFold(N_FOLDS).split(y, y, groups):
        fitted = Decisions(verdict=verdict_weights([rows[row] for row in train], y[train]))
        told = [fitted.verdict_probabilities(rows[row]) for row in test]
        chances[test] = [[one["yes"], one["no"], one["maybe"]] for one in told]
    guess = chances.argmax(axis=1)
    figures: dict[str, Any] = {"brier": round(float(((chances - np.eye(3)[y]) ** 2).sum(axis=1).mean()), 4)}
    for source in sorted({item.source for item in asked}):
        at = np.array([asked[place].source == source for place in chosen])
        if at.any():
            f1 = f1_score(y[at], guess[at], labels=sorted(set(y[at])), average="macro", zero_division=0)
            accuracy = float((guess == y)[at].mean())
            figures[source] = {"n": int(at.sum()), "accuracy": round(accuracy, 4), "macro_f1": round(float(f1), 4)}
    return verdict_weights(rows, y), figures


def verdict_weights(rows: Sequence[dict[str, float]], y: np.ndarray) -> dict[str, dict[str, float]]:
    """Weights of yes against no, by those that are one of them, and of maybe against both."""
    found = {}
    for name, features, of_rows, labels in (("yes", YES, y < 2, y == 0), ("maybe", MAYBE, y < 3, y == 2)):
        x = np.array([[row[feature] for feature in features] for row in rows])
        model = LogisticRegression(max_iter=2000, C=0.5).fit(x[of_rows], labels[of_rows])
        found[name] = weights_of(model.coef_[0], float(model.intercept_[0]), features)
    return found


def _telling(evidence: Evidence) -> list[DocumentEvidence]:
    told = [d for d in evidence.documents if d.relation[2] < 1]
    return sorted(told, key=lambda d: -d.worth)[:5]


def file_key(text: str) -> str:
    """A short hash."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def fit_exact(asked: Sequence[Item], own: Sequence[Evidence]) -> tuple[dict[str, float], float, dict[str, Any]]:
    """Weights of exact answers and the share for lists, and how they do on questions that they were not fitted on."""
    rows, labels, groups, texts = [], [], [], []
    chosen = [place for place, item in enumerate(asked) if item.type in {"factoid", "list"} and item.gold.exact_answer]
    ranked: dict[int, list[tuple[str, float]]] = {}
    for place in chosen:
        names = {name.lower() for group in asked[place].gold.exact_answer for name in group}
        question = analyse(Question(asked[place].text, type=asked[place].type))
        if (kind := asked_kind(question)) is not None:  # whose ranking has no weight to fit
            ranked[place] = [(c.text.lower(), c.probability) for c in valued(kind, question, own[place])]
            continue
        found = mentioned(question, own[place])
        for candidate, features in zip(found, candidate_features(found, own[place]), strict=True):
            rows.append([features[name] for name in EXACT])
            labels.append(int(not names.isdisjoint(text.lower() for text in candidate.spellings)))
            groups.append(place)
            texts.append(candidate.text.lower())
    x, y, g = np.array(rows), np.array(labels), np.array(groups)
    chances = np.zeros(len(y))
    for train, test in GroupKFold(N_FOLDS).split(x, y, g):
        chances[test] = LogisticRegression(max_iter=5000).fit(x[train], y[train]).predict_proba(x[test])[:, 1]
    fitted = LogisticRegression(max_iter=5000).fit(x, y)
    for row, place in enumerate(groups):
        ranked.setdefault(place, []).append((texts[row], float(chances[row])))
    best_first = [sorted(ranked.get(place, []), key=lambda found: -found[1]) for place in chosen]
    share, figures = exact_figures([asked[place] for place in chosen], best_first)
    return weights_of(fitted.coef_[0], float(fitted.intercept_[0]), EXACT), share, figures


def exact_figures(asked: Sequence[Item], ranked: Sequence[Sequence[tuple[str, float]]]) -> tuple[float, dict[str, Any]]:
    """The share of the best phrase's probability that gives lists the best mean F1; that F1, and factoids' MRR."""
    lists, ranks = [], []
    for item, found in zip(asked, ranked, strict=True):
        gold = [{name.lower() for name in group} for group in item.gold.exact_answer]
        if item.type == "list":
            lists.append((gold, found[:MOST_LIST]))
        else:
            names = set().union(*gold)
            ranks.append(next((1 / (r + 1) for r, (text, _) in enumerate(found[:5]) if text in names), 0.0))
    tried = {
        round(float(s), 2): float(np.mean([list_f1(gold, found, s) for gold, found in lists]))
        for s in np.arange(0.05, 0.95, 0.05)
    }
    best = max(tried, key=tried.__getitem__)
    return best, {
        "list_f1": round(tried[best], 4),
        "n_list": len(lists),
        "factoid_mrr": round(float(np.mean(ranks)), 4),
        "n_factoid": len(ranks),
    }


def list_f1(gold: Sequence[set[str]], found: Sequence[tuple[str, float]], share: float) -> float:
    """F1 of the items with at least that share of the best one's probability."""
    named = [text for text, chance in found if chance >= share * found[0][1]]
    left, hits = list(gold), 0
    for text in named:
        match = next((group for group in left if text in group), None)
        if match is not None:
            left.remove(match)
            hits += 1
    return 2 * hits / (len(named) + len(gold)) if named else 0.0


def weights_of(coefficients: Sequence[float], intercept: float, names: Sequence[str]) -> dict[str, float]:
    """Named weights, rounded."""
    return {
        "intercept": round(intercept, 5),
        **{name: round(float(c), 5) for name, c in zip(names, coefficients, strict=True)},
    }


if __name__ == "__main__":
    main()
