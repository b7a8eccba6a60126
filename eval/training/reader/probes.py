"""Figures on what was held back: do opposite questions get opposite answers, does the citation checker tell."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from bioasq import bioasq_relevance, gold_answers, load_bioasq
from evidence_inference import load_evidence_inference
from examples import Example
from model import collate, sentence_outputs
from pubmedqa import load_pubmedqa
from scifact import load_scifact, scifact_groups
from texts import held_back, sentences_of

from ragqa.evaluate.stats.intervals import wilson
from ragqa.reader.answers import found_answers
from ragqa.reader.inputs import DIRECTION, EVIDENCE, RELEVANCE, STANCE, TAG, reader_input

_MAX_TOKENS = 320
_N_RANKED = 300
_MOST_TEXTS = 8
_N_RESAMPLES = 2_000


class Figure(NamedTuple):
    """A figure, the bounds of its 95 % confidence interval, and over how many items it is."""

    value: float
    low: float
    high: float
    n: int


class Probes:
    """Development sets, read once."""

    def __init__(self, data: Path, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        prompts = [p for p in load_evidence_inference(data / "evidence-inference", "validation") if p["keep"]]
        self._prompts = prompts
        rows, documents = load_scifact(
            data / "scifact-claims" / "claims_train.csv", data / "beir" / "scifact" / "corpus.jsonl"
        )
        group_of = scifact_groups(rows)
        self._claims = [
            (row["claim"], documents[document], sorted(keep), label == "SUPPORT")
            for row in rows
            if held_back(group_of[row["id"]], 6)
            for document, (label, keep) in row["evidence"].items()
        ]
        self._pubmedqa = [row for row in load_pubmedqa(data / "pubmedqa" / "ori_pqal.json") if held_back(row["id"], 5)]
        questions = load_bioasq(data / "bioasq" / "golden", ("10B",))
        self._yesno = [q for q in questions if q["type"] == "yesno" and q["texts"]]
        self._named = [q for q in questions if q["type"] in {"factoid", "list"} and q["texts"] and gold_answers(q)]
        self._ranked = bioasq_relevance(questions, data / "beir" / "bioasq-passages", random.Random(0)).groups

    def run(self, model: Any) -> dict[str, Figure]:
        """All figures."""
        model.eval()
        with torch.inference_mode():
            return {
                **self._direction(model),
                **self._support(model),
                **self._pubmedqa_figures(model),
                **self._bioasq(model),
                **self._answers(model),
                **self._relevance(model),
            }

    def outputs(self, model: Any, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[float, np.ndarray]]:
        """Relevance, and float32 [n_sentences, HEADS], of each (query, sentences)."""
        found: list[tuple[float, np.ndarray]] = [(0.0, np.zeros(0))] * len(pairs)
        for place, of_tokens, of_sentences in self._each(model, pairs):
            found[place] = (float(of_tokens[0, RELEVANCE][0]), of_sentences)
        return found

    def _each(
        self, model: Any, pairs: Sequence[tuple[str, Sequence[str]]]
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """The place of each (query, sentences), and what the model says of its tokens and of its sentences."""
        order = sorted(range(len(pairs)), key=lambda place: len(" ".join(pairs[place][1])))
        for start in range(0, len(order), 16):
            places = order[start : start + 16]
            batch = collate(self._tokenizer, [[Example(pairs[p][0], tuple(pairs[p][1]))] for p in places], _MAX_TOKENS)
            out = model(batch.ids, batch.mask, batch.segments)
            sentences = sentence_outputs(out, batch)
            first = 0
            for row, place in enumerate(places):
                n = len(batch.kept[row])
                yield place, out[row].numpy(), sentences[first : first + n].numpy()
                first += n

    def flips(self, model: Any, other: Any) -> Figure:
        """Share of the claims and questions whose verdict differs between two forms of the model."""
        pairs = [(claim, [sentences[k] for k in keep]) for claim, sentences, keep, _ in self._claims]
        pairs += [(row["question"], row["conclusion"]) for row in self._pubmedqa]
        first, second = (
            np.array([pooled(s, STANCE).argmax() for _, s in self.outputs(m, pairs)]) for m in (model, other)
        )
        return share(first != second)

    def temperatures(self, model: Any) -> dict[str, float]:
        """What the logits of stance and direction are divided by, so that the held-back labels are likeliest."""
        claims = self.outputs(
            model, [(claim, [sentences[k] for k in keep]) for claim, sentences, keep, _ in self._claims]
        )
        stance = np.array([pooled(s, STANCE) for _, s in claims])
        supported = np.array([0 if supported else 1 for *_, supported in self._claims])
        names = ["significantly increased", "significantly decreased", "no significant difference"]
        queries = [
            f"Does {p['intervention']} [MASK] {p['outcome']} compared with {p['comparator'] or 'control'}?"
            for p in self._prompts
        ]
        given = [[p["sentences"][k] for k in p["keep"]] for p in self._prompts]
        read = self.outputs(model, list(zip(queries, given, strict=True)))
        direction = np.array([pooled(s, DIRECTION) for _, s in read])
        told = np.array([names.index(p["label"]) for p in self._prompts])
        return {"stance": temperature(stance, supported), "direction": temperature(direction, told)}

    def _direction(self, model: Any) -> dict[str, Figure]:
        names = ["significantly increased", "significantly decreased", "no significant difference"]
        gold = np.array([names.index(p["label"]) for p in self._prompts])
        queries = [
            f"Does {p['intervention']} [MASK] {p['outcome']} compared with {p['comparator'] or 'control'}?"
            for p in self._prompts
        ]
        alone = self.outputs(
            model, list(zip(queries, [[p["sentences"][k] for k in p["keep"]] for p in self._prompts], strict=True))
        )
        whole = self.outputs(model, list(zip(queries, [p["sentences"] for p in self._prompts], strict=True)))
        asked = {
            d: self.outputs(
                model, [(q.replace("[MASK]", d), p["sentences"]) for q, p in zip(queries, self._prompts, strict=True)]
            )
            for d in ("increase", "reduce")
        }
        guess = {
            name: np.array([pooled(s, DIRECTION)[:3].argmax() for _, s in found])
            for name, found in (("given", alone), ("abstract", whole))
        }
        stance = {d: np.array([pooled(s, STANCE)[:2].argmax() for _, s in found]) for d, found in asked.items()}
        directed = gold < 2
        both = (stance["increase"] == np.where(gold == 0, 0, 1)) & (stance["reduce"] == np.where(gold == 1, 0, 1))
        return {
            "direction_given": share(guess["given"] == gold),
            "direction_abstract": share(guess["abstract"] == gold),
            "both_right_direction_head": share((guess["abstract"] == gold)[directed]),
            "both_right_stance_head": share(both[directed]),
            "direction_macro_f1": figure(macro_f1, gold, guess["abstract"]),
        }

    def _support(self, model: Any) -> dict[str, Figure]:
        found = self.outputs(
            model, [(claim, [sentences[k] for k in keep]) for claim, sentences, keep, _ in self._claims]
        )
        gold = np.array([supported for *_, supported in self._claims])
        score = np.array([pooled(s, STANCE)[0] - pooled(s, STANCE)[1] for _, s in found])
        whole = self.outputs(model, [(claim, sentences[1:]) for claim, sentences, _, _ in self._claims])
        score_whole = np.array([pooled(s, STANCE)[0] - pooled(s, STANCE)[1] for _, s in whole])
        first = [
            int(s[:, EVIDENCE].squeeze(-1).argmax()) + 1 in keep
            for (_, s), (_, _, keep, _) in zip(whole, self._claims, strict=True)
        ]
        return {
            "support_auc": figure(auc, gold, score),
            "support_auc_abstract": figure(auc, gold, score_whole),
            "rationale_top1": share(first),
        }

    def _pubmedqa_figures(self, model: Any) -> dict[str, Figure]:
        rows = [row for row in self._pubmedqa if row["label"] != "maybe"]
        gold = np.array([row["label"] == "no" for row in rows]).astype(int)
        figures = {}
        for name, parts in (
            ("results", [row["context"][-8:] for row in rows]),
            ("conclusion", [row["conclusion"] for row in rows]),
        ):
            found = self.outputs(model, [(row["question"], part) for row, part in zip(rows, parts, strict=True)])
            guess = np.array([pooled(s, STANCE)[:2].argmax() for _, s in found])
            figures[f"pubmedqa_{name}_macro_f1"] = figure(macro_f1, gold, guess)
        other = self.outputs(
            model, [(rows[(p + 7) % len(rows)]["question"], row["conclusion"]) for p, row in enumerate(rows)]
        )
        figures["pubmedqa_other_question_nothing"] = share([pooled(s, STANCE).argmax() == 2 for _, s in other])
        return figures

    def _bioasq(self, model: Any) -> dict[str, Figure]:
        gold, pairs, owner = [], [], []
        for place, question in enumerate(self._yesno):
            gold.append(0 if str(question["exact_answer"]).lower().startswith("yes") else 1)
            for text in question["texts"][:8]:
                pairs.append((question["body"], sentences_of(text)[:8]))
                owner.append(place)
        found = self.outputs(model, pairs)
        sums = np.zeros((len(gold), 3))
        for place, (_, sentences) in zip(owner, found, strict=True):
            sums[place] += softmax(pooled(sentences, STANCE))
        return {"bioasq_macro_f1": figure(macro_f1, np.array(gold), sums[:, :2].argmax(1))}

    def _answers(self, model: Any) -> dict[str, Figure]:
        """Of how many questions for names the phrase that is most surely marked in their snippets is a gold name."""
        pairs = [(q["body"], sentences_of(text)[:8]) for q in self._named for text in q["texts"][:_MOST_TEXTS]]
        owner = [place for place, q in enumerate(self._named) for _ in q["texts"][:_MOST_TEXTS]]
        best = [(0.0, "")] * len(self._named)
        for place, of_tokens, _ in self._each(model, pairs):
            query, sentences = pairs[place]
            item = reader_input(self._tokenizer, query, sentences, _MAX_TOKENS)
            for found in found_answers(item, softmax(of_tokens[:, TAG]), sentences):
                text = sentences[found.sentence][found.begin : found.end]
                best[owner[place]] = max(best[owner[place]], (found.probability, text))
        gold = [{name.lower() for group in gold_answers(q) for name in group} for q in self._named]
        right = [text.lower() in names for (_, text), names in zip(best, gold, strict=True)]
        return {"first_answer_right": share(right)}

    def _relevance(self, model: Any) -> dict[str, Figure]:
        """Of how many questions the passage that answers is put before four of BM25's other hits."""
        groups = self._ranked[:: max(1, len(self._ranked) // _N_RANKED)]
        read = self.outputs(model, [(one.query, one.sentences) for group in groups for one in group])
        scores = iter([relevance for relevance, _ in read])
        first = [int(np.argmax([next(scores) for _ in group])) == 0 for group in groups]
        return {"relevant_first": share(first)}


def pooled(sentences: np.ndarray, head: slice) -> np.ndarray:
    """The head's logits for the passage: its sentences' weighted by how much they are evidence."""
    return softmax(sentences[:, EVIDENCE].squeeze(-1)) @ sentences[:, head]


def temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """What logits [n, n_labels] are divided by, so that the labels are likeliest; to two digits."""
    tried = np.round(np.geomspace(0.4, 6, 120), 2)
    chosen = np.arange(len(labels)), labels
    return float(min(tried, key=lambda t: -np.log(softmax(logits / t)[chosen]).mean()))


def softmax(values: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    powers = np.exp(values - values.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def share(right: Sequence[bool] | np.ndarray) -> Figure:
    """The share of what is right, with Wilson's interval."""
    return Figure(float(np.mean(right)), *wilson(int(np.sum(right)), len(right)), len(right))


def figure(measure: Callable[[np.ndarray, np.ndarray], float], gold: np.ndarray, told: np.ndarray) -> Figure:
    """A measure of what was told, with its interval by the BCa bootstrap over the items (scipy's)."""
    from scipy.stats import bootstrap

    made = bootstrap(
        (gold, told), measure, paired=True, vectorized=False, n_resamples=_N_RESAMPLES, rng=np.random.default_rng(0)
    )
    low, high = made.confidence_interval
    return Figure(measure(gold, told), float(low), float(high), len(gold))


def macro_f1(gold: np.ndarray, guess: np.ndarray) -> float:
    """Mean F1 of the labels that are gold or told."""
    from sklearn.metrics import f1_score

    return float(f1_score(gold, guess, average="macro", zero_division=0))


def auc(gold: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(gold, score))
