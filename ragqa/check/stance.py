"""What one article says to a claim: the model's reading and the words in common, weighed by two fitted regressions.

``eval/training/check/fit.py`` fits the weights on claims of SciFact that the model was not trained on, and writes
``stance.json`` with its cross-validated figures.
"""

import functools
import importlib.resources
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ragqa.answer import terms
from ragqa.answer.extractive.evidence import Evidence, gather
from ragqa.answer.passages import Passage
from ragqa.answer.question import analyse
from ragqa.answer.support import Article, Conflict, conflict
from ragqa.check.sentences import also_quoted, chances, sentence_features
from ragqa.corpus import words
from ragqa.corpus.text import title_of
from ragqa.decoding import from_json
from ragqa.reader.model import ReaderModel
from ragqa.types import Document, Question

LABELS = ("supports", "contradicts", "neither")
FEATURES = (
    "relevance",
    "lead",
    "evidence",
    "says_something",
    "lean",
    "best_coverage",
    "coverage",
    "opposed",
    "other",
    "aim",
)
SIDE = ("lean",)
_FLOOR = 0.02
_N_DIRECTED = 3
"""So many of the articles, the most relevant, are read once more for directions."""
Read = dict[str, float]


@dataclass(frozen=True, slots=True)
class Weights:
    """What ``stance.json`` holds: feature → weight (and ``intercept``), what it was made from, and its figures.

    Attributes
    ----------
    says
        Of the log-odds that an article says something to a claim, by all :data:`FEATURES`.
    side
        Of the log-odds that it then supports the claim, by :data:`SIDE`: how well an article fits tells nothing of its
        side.
    """

    made_from: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    says: Mapping[str, float] = field(default_factory=dict)
    side: Mapping[str, float] = field(default_factory=dict)

    def probabilities(self, features: Mapping[str, float]) -> tuple[float, float, float]:
        """The probability of each of :data:`LABELS`."""
        says, supports = _probability(self.says, features), _probability(self.side, features)
        return (says * supports, says * (1 - supports), 1 - says)


@dataclass(frozen=True, slots=True)
class Stance:
    """What one article says to a claim.

    Attributes
    ----------
    document
        Its place among the articles that were read.
    yes, no
        Probability that it supports, and that it contradicts the claim.
    level
        Its weight by its evidence level, .5 to 1.
    passage
        The sentence that says it best; None where none may be cited.
    objection
        What stands against that sentence as evidence for the claim.
    more
        Other sentences that say so, at most two, in reading order.
    """

    document: int
    yes: float
    no: float
    level: float
    passage: Passage | None
    objection: Conflict | None
    more: tuple[Passage, ...] = ()


def read_for(model: ReaderModel, claim: str, documents: Sequence[Document], *, allow_retracted: bool) -> Evidence:
    """Read articles for a claim as far as its stances need it: what all of them conclude together is not asked."""
    asked = analyse(Question(claim, type="yesno"))
    return gather(model, asked, documents, allow_retracted=allow_retracted, n_weighed=_N_DIRECTED, conclusions=False)


def stances(claim: str, documents: Sequence[Document], evidence: Evidence) -> list[Stance]:
    """The stance of each article that has an abstract and may be used."""
    found = []
    for place, (document, told) in enumerate(zip(documents, evidence.documents, strict=True)):
        if not told.usable or not told.features:
            continue
        passage, objection, known = read(claim, place, document, evidence)
        yes, no, _ = weights().probabilities(known)
        more: tuple[Passage, ...] = ()
        if passage is not None:
            own, within, citable = abstract_of(place, evidence)
            likely = np.where(citable, chances(sentence_features(claim, title_of(document), own, within)), 0.0)
            more = tuple(own[number] for number in also_quoted(likely, own.index(passage), max(yes, no)))
        found.append(Stance(place, yes, no, told.level, passage, objection, more))
    return found


def abstract_of(place: int, evidence: Evidence) -> tuple[list[Passage], np.ndarray, np.ndarray]:
    """The sentences of an article's abstract, for each the model's probability that it is evidence, and if it may be.

    float64 [n] and bool [n]; aims and methods may not be.
    """
    own = [n for n, one in enumerate(evidence.passages) if one.document == place and one.part != "title"]
    return [evidence.passages[number] for number in own], evidence.within[own], evidence.weight[own] > 0


def read(
    claim: str, place: int, document: Document, evidence: Evidence
) -> tuple[Passage | None, Conflict | None, Read]:
    """The sentence of an article that tells most of a claim, what stands against it, and the :data:`FEATURES`.

    ``lead`` is how much more relevant the article is than the best of the others, 0 where it is read alone: of many
    articles on a topic few say anything to a claim.
    """
    told = evidence.documents[place]
    own = [number for number, passage in enumerate(evidence.passages) if passage.document == place]
    stems = words.content_stems(claim)
    best = _best(own, evidence, stems)
    article = Article.of(title_of(document), [evidence.passages[number].expanded for number in own])
    passage = evidence.passages[best] if best is not None else None
    objection = conflict(claim, passage.expanded, article) if passage is not None else None
    yes, no, _ = evidence.relation[best].tolist() if best is not None else (0.0, 0.0, 1.0)
    others = [one.relevance for number, one in enumerate(evidence.documents) if number != place]
    features = {
        "relevance": float(told.features["relevance"]),
        "lead": told.relevance - max(others, default=told.relevance),
        "evidence": float(told.features["evidence"]),
        "says_something": float(1 - told.relation[2]),
        "lean": math.log((yes + _FLOOR) / (no + _FLOOR)),
        "best_coverage": terms.coverage(stems, passage.stems) if passage is not None else 0.0,
        "coverage": float(told.features["coverage"]),
        "opposed": float(objection in ("direction", "denial")),
        "other": float(objection in ("number", "name")),
        "aim": float(passage is None or objection == "aim"),
    }
    return passage, objection, features


def _best(own: Sequence[int], evidence: Evidence, stems: Sequence[str]) -> int | None:
    """The sentence that may be cited and tells most of a claim with these stems; None where there is none."""
    allowed = [number for number in own if evidence.weight[number] > 0]
    said = [float(evidence.relation[number, :2].sum()) for number in allowed]
    worth = [
        float(evidence.weight[number]) * (0.2 + value) * (0.2 + terms.coverage(stems, evidence.passages[number].stems))
        for number, value in zip(allowed, said, strict=True)
    ]
    return allowed[int(np.argmax(worth))] if allowed else None


def _probability(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    logit = sum(weight * features.get(name, 1.0) for name, weight in weights.items())
    return 1 / (1 + math.exp(-logit))


@functools.cache
def weights() -> Weights:
    """The weights that come with ragqa."""
    text = importlib.resources.files("ragqa.check").joinpath("stance.json").read_bytes()
    return from_json(text, Weights)
