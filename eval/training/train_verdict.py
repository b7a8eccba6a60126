"""Train the yes/no/maybe model of the extractive reader and write its weights and cross-validated figures.

    python eval/training/train_verdict.py --data ori_pqal.json

``ori_pqal.json`` is PubMedQA's labelled file (here its development half). The outer loop is a stratified 10-fold
cross-validation; the strength of regularisation is chosen by an inner 5-fold one inside each training part, and
standardisation is fitted there too. ``findings`` sees the question and CONTEXTS (the reasoning-required setting);
``conclusion`` sees LONG_ANSWER as well (reasoning-free). The written file depends on the data and the seed alone.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from ragqa.answer import verdict
from ragqa.answer.abstract_parts import is_findings
from ragqa.corpus.sentences import split_sentences
from ragqa.manifest import file_hash, write_atomically

TARGET = Path(verdict.__file__).with_name("verdict.json")
STRENGTHS = (0.001, 0.003, 0.006, 0.01, 0.02, 0.05, 0.1)
N_FOLDS, N_INNER_FOLDS, SEED, N_REPEATS = 10, 5, 0, 5


def main() -> None:
    """Cross-validate, print the table, train on everything, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    records = json.loads(arguments.data.read_text(encoding="utf-8"))
    records = [records[key] for key in sorted(records)]
    labels = np.array([verdict.LABELS.index(record["final_decision"]) for record in records])
    vectors = {
        "findings": np.array([verdict.findings_vector(r["QUESTION"], findings_of(r)) for r in records]),
        "conclusion": np.array(
            [verdict.conclusion_vector(r["QUESTION"], findings_of(r), _sentences(r["LONG_ANSWER"])) for r in records]
        ),
    }
    figures: dict[str, Any] = {"majority": majority(labels)}
    print(f"{'':12}{'accuracy':>16}{'macro-F1':>10}{'Brier':>8}{'ECE':>7}   ({N_REPEATS} × {N_FOLDS} folds, nested)")
    print(f"{'majority':12}{figures['majority']['accuracy']:>16.3f}{figures['majority']['macro_f1']:>10.3f}")
    for name, matrix in vectors.items():
        figures[name] = row = cross_validate(matrix, labels)
        accuracy = f"{row['accuracy']:.3f} ± {row['accuracy_sd']:.3f}"
        print(f"{name:12}{accuracy:>16}{row['macro_f1']:>10.3f}{row['brier']:>8.3f}{row['ece']:>7.3f}")
        print(f"{'':12}F1 of yes/no/maybe: " + " ".join(f"{value:.3f}" for value in row["f1"].values()))
    document = {
        "made_from": {
            "data": arguments.data.name,
            "sha256": file_hash(arguments.data),
            "n_questions": len(records),
            "labels": dict(zip(verdict.LABELS, np.bincount(labels, minlength=3).tolist(), strict=True)),
            "folds": N_FOLDS,
            "inner_folds": N_INNER_FOLDS,
            "repeats": N_REPEATS,
            "seed": SEED,
        },
        "cross_validation": figures,
        "models": {name: trained(name, matrix, labels) for name, matrix in vectors.items()},
    }
    write_atomically(arguments.out, re.sub(
        r"\{\s+(\"mean\"[^{}]*?)\s+\}", lambda match: "{" + re.sub(r"\s+", " ", match[1]) + "}",
        json.dumps(document, indent=1),
    ).encode() + b"\n")  # fmt: skip
    print(f"written: {arguments.out}")


def findings_of(record: dict[str, Any]) -> list[str]:
    """The sentences of those contexts that report results; of all, where none is labelled so."""
    pairs = list(zip(record["CONTEXTS"], record["LABELS"], strict=True))
    chosen = [text for text, label in pairs if is_findings(label)] or [text for text, _ in pairs]
    return [sentence for text in chosen for sentence in _sentences(text)]


def _sentences(text: str) -> list[str]:
    return [text[begin:end] for begin, end in split_sentences(text)]


def pipeline(strength: float) -> Any:
    """Standardisation, then multinomial logistic regression; ``strength`` is scikit-learn's C."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=5000, tol=1e-8))


def best_strength(matrix: np.ndarray, labels: np.ndarray, seed: int) -> float:
    """The strength with the highest accuracy plus macro-F1 in an inner cross-validation."""
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(N_INNER_FOLDS, shuffle=True, random_state=seed)
    scores = []
    for strength in STRENGTHS:
        predicted = cross_val_predict(pipeline(strength), matrix, labels, cv=folds)
        scores.append((predicted == labels).mean() + f1_score(labels, predicted, average="macro"))
    return STRENGTHS[int(np.argmax(scores))]


def cross_validate(matrix: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Figures of a nested cross-validation, averaged over repeats with different shuffles."""
    from sklearn.model_selection import StratifiedKFold

    runs = []
    for repeat in range(N_REPEATS):
        predicted = np.zeros((len(labels), 3))
        for train, test in StratifiedKFold(N_FOLDS, shuffle=True, random_state=SEED + repeat).split(matrix, labels):
            model = pipeline(best_strength(matrix[train], labels[train], SEED + repeat))
            predicted[test] = model.fit(matrix[train], labels[train]).predict_proba(matrix[test])
        runs.append(figures_of(predicted, labels))
    mean = {
        key: round(float(np.mean([run[key] for run in runs])), 4) for key in ("accuracy", "macro_f1", "brier", "ece")
    }
    mean["accuracy_sd"] = round(float(np.std([run["accuracy"] for run in runs])), 4)
    mean["f1"] = {  # type: ignore[assignment]
        label: round(float(np.mean([run["f1"][i] for run in runs])), 4) for i, label in enumerate(verdict.LABELS)
    }
    return mean


def figures_of(predicted: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Accuracy, macro-F1, multi-class Brier score, and expected calibration error over 10 equal-width bins."""
    from sklearn.metrics import f1_score

    chosen, confidence = predicted.argmax(axis=1), predicted.max(axis=1)
    right = chosen == labels
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    f1 = f1_score(labels, chosen, average=None, labels=[0, 1, 2], zero_division=0)
    return {
        "accuracy": right.mean(),
        "macro_f1": f1.mean(),
        "f1": f1,
        "brier": ((predicted - np.eye(3)[labels]) ** 2).sum(axis=1).mean(),
        "ece": sum(gaps),
    }


def majority(labels: np.ndarray) -> dict[str, float]:
    """Figures of always giving the commonest label."""
    share = np.bincount(labels).max() / len(labels)
    return {"accuracy": round(share, 4), "macro_f1": round(2 * share / (1 + share) / 3, 4)}


def trained(name: str, matrix: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """The model trained on everything, as plain values rounded to four digits."""
    strength = best_strength(matrix, labels, SEED)
    scaler, regression = (step for _, step in pipeline(strength).fit(matrix, labels).steps)
    columns = zip(verdict.feature_names(name), scaler.mean_, scaler.scale_, regression.coef_.T, strict=True)
    return {
        "strength": strength,
        "intercept": dict(zip(verdict.LABELS, _rounded(regression.intercept_), strict=True)),
        "features": {
            feature: dict(zip(("mean", "scale", *verdict.LABELS), _rounded([mean, scale, *weights]), strict=True))
            for feature, mean, scale, weights in columns
        },
    }


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 4) + 0.0 for value in values]


if __name__ == "__main__":
    main()
