"""Fit the few numbers that turn the model's outputs into decisions, on data that the model was not trained on.

    python eval/training/reader/decide.py --data FOLDER [--out ragqa/answer/trained/decisions.json]

The gate tells documents that answer a question from BM25's other hits; the verdict's regression tells yes, no and
maybe; that of exact answers which of the marked phrases answer; a list's share how many items are named. Figures are
cross-validated over questions.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import GroupKFold
from texts import held_back, read_lines

from ragqa.answer.question import analyse
from ragqa.answer.trained.decisions import NAME, decisions
from ragqa.answer.trained.evidence import DocumentEvidence, Evidence, gather
from ragqa.answer.trained.exact import MOST_LIST, candidate_features, mentioned
from ragqa.answer.trained.judgement import verdict_features
from ragqa.evaluate.runs.task import given_documents
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.task import TaskQuestion
from ragqa.manifest import file_hash, write_atomically
from ragqa.reader.model import CARD, WEIGHTS, ReaderModel, open_model
from ragqa.types import Document, Question, QuestionType, Section

TARGET = Path("ragqa/answer/trained") / NAME
LABELS = ("yes", "no", "maybe")
GATE = ("relevance", "evidence", "says_something", "coverage")
EXACT = ("best", "mean", "mentions", "documents", "share_of_documents", "relevance", "within", "weight",
         "share_of_sentences", "words")  # fmt: skip
VERDICT = ("lean", "size_of_lean", "silence", "disagreement")
N_OTHERS, N_FOLDS, MOST_OWN = 4, 5, 10


@dataclass(frozen=True, slots=True)
class Item:
    """A question with documents that answer it; ``label`` is "" where it is no yes/no question."""

    source: str
    text: str
    type: QuestionType | None
    documents: tuple[Document, ...]
    label: str
    gold: TaskQuestion


def items(data: Path) -> Iterator[Item]:
    """Questions held back from training."""
    for batch in ("10B1", "10B2", "10B3", "10B4", "10B5", "10B6"):
        (task,) = load_tasks("bioasq", data / "bioasq" / "golden" / f"{batch}_golden.json", None, "B")
        for question in task.questions:
            if question.type == "summary" and not held_back(question.id, 5):
                continue
            yield Item("bioasq-10b", question.text, question.type, given_documents(question), question.label, question)
    for setting in ("reasoning-required", "reasoning-free"):
        (task,) = load_tasks("pubmedqa", data / "pubmedqa" / "ori_pqal.json", None, setting)
        for question in task.questions:
            if held_back(question.id, 5):
                yield Item(
                    f"pubmedqa-{setting}", question.text, "yesno", given_documents(question), question.label, question
                )
    (task,) = load_tasks("evidence-inference", data / "evidence-inference", "validation", None)
    for question in task.questions:
        trial = question.trial
        if trial is None or not question.documents or held_back(question.id, 2):
            continue
        for verb, told in (("increase", "increased"), ("decrease", "decreased")):
            text = f"Does {trial.intervention} {verb} {trial.outcome} compared with {trial.comparator or 'control'}?"
            yield Item(
                "evidence-inference",
                text,
                "yesno",
                question.documents,
                "yes" if question.label == told else "no",
                question,
            )


class OtherDocuments:
    """BM25 over abstracts, as a search whose corpus lacks the articles that answer."""

    def __init__(self, path: Path) -> None:
        self._rows = [row for row in read_lines(path) if row["title"] and row["text"]]
        self._ranker = bm25s.BM25(k1=0.9, b=0.4)
        texts = [f"{row['title']} {row['text']}" for row in self._rows]
        self._ranker.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)

    def found(self, item: Item, k: int = N_OTHERS) -> tuple[Document, ...]:
        """The first hits that are none of the item's own articles."""
        tokens = bm25s.tokenize([item.text], stopwords="en", show_progress=False)
        places, _ = self._ranker.retrieve(tokens, k=k + 5, show_progress=False)
        own = " ".join(section.text for document in item.documents for section in document.sections)
        rows = [self._rows[place] for place in places[0]]
        others = [
            row
            for row in rows
            if row["text"][:80] not in own and own[:80] not in row["text"] and row["text"][-80:] not in own
        ]
        return tuple(
            Document(row["_id"], (Section("title", row["title"]), Section("abstract", row["text"])))
            for row in others[:k]
        )


def read(model: ReaderModel, item: Item, documents: Sequence[Document]) -> Evidence:
    """What the documents say."""
    return gather(model, analyse(Question(item.text, type=item.type)), documents, allow_retracted=True)


def main() -> None:
    """Read everything once, fit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    model, others = open_model(), OtherDocuments(arguments.data / "bulk" / "abstracts.jsonl.gz")
    asked = list(items(arguments.data))
    own = [read(model, item, item.documents[:MOST_OWN]) for item in asked]
    foreign = [read(model, item, others.found(item)) if place % 4 == 0 else None for place, item in enumerate(asked)]
    gate, gate_figures = fit_gate(asked, own, foreign)
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
    write_atomically(arguments.out, json.dumps(document, indent=1).encode() + b"\n")
    print(json.dumps(document, indent=1))


def fit_gate(
    asked: Sequence[Item], own: Sequence[Evidence], foreign: Sequence[Evidence | None]
) -> tuple[dict[str, float], dict[str, Any]]:
    """Weights of the gate, and how it does on questions that it was not fitted on."""
    rows, labels, groups = [], [], []
    for place, (mine, others) in enumerate(zip(own, foreign, strict=True)):
        for evidence, label in ((mine, 1), (others, 0)):
            for document in evidence.documents[:N_OTHERS] if evidence else ():
                if document.features:
                    rows.append([document.features[name] for name in GATE])
                    labels.append(label)
                    groups.append(place)
    x, y, g = np.array(rows), np.array(labels), np.array(groups)
    chances = np.zeros(len(y))
    for train, test in GroupKFold(N_FOLDS).split(x, y, g):
        chances[test] = (
            LogisticRegression(max_iter=1000, class_weight="balanced")
            .fit(x[train], y[train])
            .predict_proba(x[test])[:, 1]
        )
    best = {
        label: [chances[(g == p) & (y == label)].max() for p in range(len(asked)) if ((g == p) & (y == label)).any()]
        for label in (0, 1)
    }
    figures: dict[str, Any] = {"auc_documents": round(float(roc_auc_score(y, chances)), 4), "n_documents": len(y)}
    for least in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        figures[f"at {least}"] = {
            "abstains with the evidence": round(float(np.mean(np.array(best[1]) < least)), 3),
            "answers without it": round(float(np.mean(np.array(best[0]) >= least)), 3),
        }
    fitted = LogisticRegression(max_iter=1000, class_weight="balanced").fit(x, y)
    return weights_of(fitted.coef_[0], float(fitted.intercept_[0]), GATE), figures


def fit_verdict(asked: Sequence[Item], own: Sequence[Evidence]) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Weights of the verdict's regression, and how it does on questions that it was not fitted on."""
    chosen = [place for place, item in enumerate(asked) if item.label in LABELS and _telling(own[place])]
    rows = [verdict_features(_telling(own[place])) for place in chosen]
    x = np.array([[row[name] for name in VERDICT] for row in rows])
    y = np.array([LABELS.index(asked[place].label) for place in chosen])
    g = np.array([hash_of(asked[place]) for place in chosen])
    guess = np.zeros(len(y), dtype=int)
    for train, test in GroupKFold(N_FOLDS).split(x, y, g):
        guess[test] = LogisticRegression(max_iter=2000, C=0.5).fit(x[train], y[train]).predict(x[test])
    figures = {}
    for source in sorted({item.source for item in asked}):
        own_rows = np.array([asked[place].source == source for place in chosen])
        if own_rows.any():
            figures[source] = {
                "n": int(own_rows.sum()),
                "accuracy": round(float((guess == y)[own_rows].mean()), 4),
                "macro_f1": round(
                    float(
                        f1_score(
                            y[own_rows],
                            guess[own_rows],
                            labels=sorted(set(y[own_rows])),
                            average="macro",
                            zero_division=0,
                        )
                    ),
                    4,
                ),
            }
    fitted = LogisticRegression(max_iter=2000, C=0.5).fit(x, y)
    return {
        label: weights_of(fitted.coef_[k], float(fitted.intercept_[k]), VERDICT) for k, label in enumerate(LABELS)
    }, figures


def _telling(evidence: Evidence) -> list[DocumentEvidence]:
    told = [d for d in evidence.documents if d.relation[2] < 1]
    return sorted(told, key=lambda d: -d.relevance * d.level)[:5]


def hash_of(item: Item) -> int:
    """The same number for the same source question."""
    return int(file_key(item.gold.id), 16)


def file_key(text: str) -> str:
    """A short hash."""
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:8]


def fit_exact(asked: Sequence[Item], own: Sequence[Evidence]) -> tuple[dict[str, float], float, dict[str, Any]]:
    """Weights of exact answers and the share for lists, and how they do on questions that they were not fitted on."""
    rows, labels, groups, texts = [], [], [], []
    chosen = [place for place, item in enumerate(asked) if item.type in {"factoid", "list"} and item.gold.exact_answer]
    for place in chosen:
        names = {name.lower() for group in asked[place].gold.exact_answer for name in group}
        question = analyse(Question(asked[place].text, type=asked[place].type))
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
    share, figures = exact_figures([asked[place] for place in chosen], [
        sorted(((texts[row], float(chances[row])) for row in np.flatnonzero(g == place)), key=lambda found: -found[1])
        for place in chosen
    ])  # fmt: skip
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
    assert decisions() is not None
    main()
