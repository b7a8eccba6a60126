"""Fit the ranking of candidate answers to factoid and list questions on BioASQ's gold snippets.

    python eval/training/train_candidates.py --train 6B1.json … 9B5.json --test 10B1.json …

The gold snippets of a question, grouped by article, are the documents, as in phase B of the task; a candidate is
right when it or a synonym equals a gold answer but for case. Prints strict and lenient accuracy and MRR for factoid
questions and mean precision, recall and F1 for list questions, as the official measures define them, on both sets.
Only the training files decide anything. The files come from BioASQ, who give them to registered users.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from train_strength import sentence_encoder

from ragqa.answer import exact
from ragqa.answer.extractive import ExtractiveReader, _from_fitting, _scores
from ragqa.answer.question import analyse
from ragqa.corpus.text import named_abstract_sections
from ragqa.manifest import content_hash, write_atomically
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, Question, Section

TARGET = Path(exact.__file__).with_name("candidates.json")
SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8)


def main() -> None:
    """Train, print the figures, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, nargs="+", required=True)
    parser.add_argument("--test", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    encode = sentence_encoder()
    training, testing = (
        [described(question, encode) for question in questions_of(paths)] for paths in (arguments.train, arguments.test)
    )
    weights = fitted(training)
    shares = {share: figures_of(training, weights, share)["list_f1"] for share in SHARES}
    share = max(shares, key=shares.__getitem__)
    figures = {name: figures_of(data, weights, share) for name, data in (("train", training), ("test", testing))}
    for name, row in figures.items():
        print(name, " ".join(f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}"
                             for key, value in row.items()))  # fmt: skip
    document = {
        "made_from": {"train": sorted(p.name for p in arguments.train), "test": sorted(p.name for p in arguments.test),
                      "questions": content_hash([item["id"] for item in training])},
        "figures": figures,
        "weights": {name: round(value, 4) for name, value in weights.items()},
        "list_share": share,
    }  # fmt: skip
    write_atomically(arguments.out, json.dumps(document, indent=1).encode() + b"\n")
    print(f"written: {arguments.out}")


def questions_of(paths: list[Path]) -> list[dict[str, Any]]:
    """Factoid and list questions with snippets and gold answers, in order of the files' names."""
    return [
        question
        for path in sorted(paths)
        for question in json.loads(path.read_text(encoding="utf-8"))["questions"]
        if question["type"] in {"factoid", "list"} and question.get("exact_answer")
    ]


def documents_of(question: dict[str, Any]) -> list[Document]:
    """The gold snippets as documents, one per article."""
    by_article: dict[str, tuple[list[str], list[str]]] = {}
    for snippet in question.get("snippets", []):
        titles, texts = by_article.setdefault(snippet["document"].rsplit("/", 1)[-1], ([], []))
        (titles if snippet["beginSection"] == "title" else texts).append(snippet["text"])
    documents = []
    for key, (titles, texts) in by_article.items():
        sections = (Section("title", " ".join(titles)),) if titles else ()
        documents.append(Document(key, (*sections, *named_abstract_sections([(text, "", "") for text in texts]))))
    return documents


def described(question: dict[str, Any], encode: Any) -> dict[str, Any]:
    """Features of every candidate, whether it is right, and the gold answers."""
    asked = analyse(Question(question["body"], type=question["type"]))
    documents = documents_of(question)
    reader = ExtractiveReader(AnswerSettings(), encode)
    evidence = reader.gather(asked, documents, [0.0] * len(documents))
    scores = np.where(_from_fitting(evidence), _scores(evidence, None), -np.inf)
    found = exact.candidates(asked, evidence.passages, scores)
    gold = [[text.lower().strip() for text in _flat(entry)] for entry in question["exact_answer"]]
    if question["type"] == "factoid":
        gold = [[text for entry in gold for text in entry]]
    return {
        "id": question["id"],
        "type": question["type"],
        "gold": gold,
        "texts": [candidate.text for candidate in found],
        "rows": [exact.features(asked, candidate, evidence.passages, scores) for candidate in found],
        "right": [
            any({candidate.text.lower(), *(s.lower() for s in candidate.synonyms)} & set(entry) for entry in gold)
            for candidate in found
        ],
    }


def _flat(entry: Any) -> list[str]:
    return [entry] if isinstance(entry, str) else [text for part in entry for text in _flat(part)]


def fitted(items: list[dict[str, Any]]) -> dict[str, float]:
    """Weights of a logistic regression over all candidates, every question counting the same."""
    from sklearn.linear_model import LogisticRegression

    names = list(items[0]["rows"][0])
    usable = [item for item in items if any(item["right"])]
    matrix = np.array([[row[name] for name in names] for item in usable for row in item["rows"]])
    right = np.concatenate([item["right"] for item in usable])
    counts = np.concatenate([np.full(len(item["rows"]), 20 / len(item["rows"])) for item in usable])
    scale = matrix.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0, max_iter=5000).fit(matrix / scale, right, sample_weight=counts)
    return {"intercept": float(model.intercept_[0])} | dict(zip(names, (model.coef_[0] / scale).tolist(), strict=True))


def figures_of(items: list[dict[str, Any]], weights: dict[str, float], share: float) -> dict[str, Any]:
    """The official measures of exact answers, and how often a right candidate was there at all."""
    strict, lenient, reciprocal, lists, reachable = [], [], [], [], []
    for item in items:
        scored = sorted(((_probability(row, weights), text) for row, text in
                         zip(item["rows"], item["texts"], strict=True)), key=lambda p: (-p[0], p[1]))  # fmt: skip
        reachable.append(any(item["right"]))
        if item["type"] == "factoid":
            hits = [text.lower() in item["gold"][0] for _, text in scored[: exact.MOST_FACTOID]]
            place = hits.index(True) + 1 if any(hits) else 0
            strict.append(place == 1)
            lenient.append(place > 0)
            reciprocal.append(1 / place if place else 0.0)
        else:
            least = scored[0][0] * share if scored else 0.0
            lists.append(list_figures([t for p, t in scored[: exact.MOST_LIST] if p >= least], item["gold"]))
    precision, recall, f1 = np.array(lists).mean(axis=0).tolist()
    means = {"strict": strict, "lenient": lenient, "mrr": reciprocal, "reachable": reachable}
    figures = {name: float(np.mean(values)) for name, values in means.items()}
    figures |= {"list_precision": precision, "list_recall": recall, "list_f1": f1}
    counts: dict[str, Any] = {"n_factoid": len(strict), "n_list": len(lists)}
    return counts | {name: round(value, 4) for name, value in figures.items()}


def list_figures(items: list[str], gold: list[list[str]]) -> tuple[float, float, float]:
    """Precision, recall and F1 of one list; a gold entry is used up by its first match."""
    left = [set(entry) for entry in gold]
    matched = 0
    for text in items:
        entry = next((entry for entry in left if text.lower() in entry), None)
        if entry is not None:
            left.remove(entry)
            matched += 1
    precision, recall = matched / max(len(items), 1), matched / max(len(gold), 1)
    return precision, recall, 2 * precision * recall / (precision + recall) if matched else 0.0


def _probability(row: dict[str, float], weights: dict[str, float]) -> float:
    logit = weights["intercept"] + sum(weights[name] * value for name, value in row.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


if __name__ == "__main__":
    main()
